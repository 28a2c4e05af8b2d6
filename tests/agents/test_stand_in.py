import json

import pytest

from workflows_app.agents.core.labels import label_choose, stem
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.core.schemas import schema_problem
from workflows_app.agents.core.stand_in import stand_in_reply, stand_in_value

PROMPT = """A customer wrote about order A-1042.
amount: 129.50
urgent: yes
Please refund me, the lamp arrived broken. Write to anna@example.org."""


def ask(prompt, **options):
    return stand_in_reply(ModelRequest(messages=[{"role": "user", "content": prompt}], **options))


def answer(prompt, schema):
    return json.loads(ask(prompt, schema=schema).text)


def test_the_answer_says_that_it_is_a_stand_in():
    assert ask("Write a reply.").details == {"stand_in": True, "model": "stand-in"}


def test_the_same_request_has_the_same_answer():
    assert ask(PROMPT) == ask(PROMPT)


def test_text_is_drafted_from_the_prompt():
    assert "lamp arrived broken" in ask(PROMPT).text


def test_an_object_is_filled_from_the_data_of_the_prompt():
    schema = {
        "type": "object",
        "required": ["amount", "order_id", "email", "reason", "urgent", "confidence"],
        "properties": {
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "amount": {"type": "number"},
            "order_id": {"type": "string"},
            "email": {"type": "string", "format": "email"},
            "reason": {"enum": ["broken", "late", "wrong_item"]},
            "urgent": {"type": "boolean"},
        },
    }

    filled = answer(PROMPT, schema)

    assert filled == {
        "confidence": 0.95,
        "amount": 129.5,
        "order_id": "A-1042",
        "email": "anna@example.org",
        "reason": "broken",
        "urgent": True,
    }


def test_data_in_json_wins_over_words_around_it():
    prompt = 'Check this: {"order": {"id": "X-7", "total": 12}} of 400 orders'
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "total": {"type": "integer"}},
    }

    assert answer(prompt, schema) == {"id": "X-7", "total": 12}


NODE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}},
}
ITEM = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}
PART = {"required": ["a"], "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "array", "items": {"type": "integer", "minimum": 5}, "minItems": 3},
        {"type": "string", "minLength": 900, "maxLength": 900},
        {"type": "string", "maxLength": 4},
        {"type": "string", "format": "date-time"},
        {"type": "number", "exclusiveMinimum": 10, "exclusiveMaximum": 11},
        {"type": "integer", "multipleOf": 7, "minimum": 8},
        {"type": ["null", "string"]},
        {"const": 4},
        {"enum": [3, 4]},
        {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
        {"allOf": [PART], "type": "object"},
        {"$defs": {"item": ITEM}, "type": "array", "items": {"$ref": "#/$defs/item"}},
        {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
    ],
)
def test_whatever_is_filled_follows_its_schema(schema):
    assert schema_problem(stand_in_value(schema, ["nothing to see"]), schema) is None


TOOLS = [
    {
        "name": name,
        "description": "",
        "input_schema": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string"}},
        },
    }
    for name in ("lookup", "refund")
]


def test_each_tool_is_called_once_and_then_the_answer_follows():
    messages = [{"role": "user", "content": "Refund order A-1042."}]
    called = []
    for _ in range(3):
        reply = stand_in_reply(ModelRequest(messages=messages, tools=TOOLS))
        called.append([(call["name"], call["arguments"]) for call in reply.calls])
        messages.append({"role": "assistant", "content": list(reply.content)})
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": '{"id": "R-1"}'}
            for call in reply.calls
        ]
        messages.append({"role": "user", "content": results})

    assert called == [[("lookup", {"id": "A-1042"})], [("refund", {"id": "R-1"})], []]


@pytest.mark.parametrize(
    ("message", "label"),
    [
        ("My new card still has not been delivered", "card_arrival"),
        ("Somebody robbed me and took my card", "lost_or_stolen_card"),
        ("I want my money back for this order", "refund_request"),
        ("The cash machine kept my card", "card_swallowed"),
    ],
)
def test_labels_are_chosen_by_words_that_mean_the_same(message, label):
    labels = ["card_arrival", "lost_or_stolen_card", "refund_request", "card_swallowed"]

    assert label_choose(labels, message)[0] == label


def test_without_any_evidence_no_label_is_chosen():
    assert label_choose(["refund", "technical"], "xyzzy") == (None, 0.0)


def test_forms_of_a_word_share_their_stem():
    assert {stem(word) for word in ("arrive", "arrived", "arrival", "arriving")} == {"arriv"}
