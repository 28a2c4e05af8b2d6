import pytest

from approvals_app.core.gates import basis, basis_changes, entity_of, gate_of_path, leaves

DEFINITION = {
    "steps": [
        {"id": "draft", "kind": "agent", "with": {"model": "large", "prompt": "A", "tools": ["x"]}},
        {"id": "issue", "kind": "tool", "with": {"tool": "payments.refund"}},
        {"id": "tell", "kind": "model", "with": {"model": "small", "prompt": "B"}},
    ],
    "edges": [{"from": "draft.done", "to": "issue"}, {"from": "issue", "to": "tell"}],
}
PINS = {"tools": {"payments.refund": "1"}, "models": {"large": "m-1", "small": "s-1"}}


@pytest.mark.parametrize(
    ("path", "tool", "gate"),
    [
        ("issue", "payments.refund", "issue"),
        ("refine[2].enrich[3].issue", None, "refine.enrich.issue"),
        ("draft.turn[1].call[0]", "crm.refund", "draft.turn.call(crm.refund)"),
    ],
)
def test_items_turns_and_iterations_are_one_gate(path, tool, gate):
    assert gate_of_path(path, tool) == gate


@pytest.mark.parametrize(
    ("arguments", "entity"),
    [
        ({"customer": "cus_1", "amount": 5}, ("customer", "customer", "cus_1")),
        ({"customerId": 8213}, ("customer", "customerId", "8213")),
        ({"customer": {"id": "c9", "name": "N"}}, ("customer", "customer.id", "c9")),
        ({"account_no": "DE1", "vendor": "Halden"}, ("vendor", "vendor", "Halden")),
        ({"amount": 5, "is_customer_told": True}, None),
        ({"customer": ""}, None),
        (None, None),
        (["cus_1"], None),
    ],
)
def test_an_argument_says_whom_a_proposal_is_about(arguments, entity):
    assert entity_of(arguments) == entity


def test_leaves_end_at_lists_and_at_a_depth():
    deep = {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}, "list": [1], "x": None}

    assert dict(leaves(deep)) == {"x": None}


def test_a_gate_rests_on_what_leads_to_it():
    assert set(basis(DEFINITION, PINS, "issue")) == {
        "the prompt of draft",
        "the model of draft",
        "the tool x",
        "the tool payments.refund",
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d, p: d["steps"][0]["with"].update(prompt="C"), "the prompt of draft"),
        (lambda d, p: p["models"].update(large="m-2"), "the model of draft"),
        (lambda d, p: p["tools"].update({"payments.refund": "2"}), "the tool payments.refund"),
    ],
)
def test_a_changed_prompt_model_or_tool_is_named(change, named):
    import copy

    definition, pins = copy.deepcopy(DEFINITION), copy.deepcopy(PINS)
    change(definition, pins)

    found = basis_changes(basis(DEFINITION, PINS, "issue"), basis(definition, pins, "issue"))

    assert found == [named]


def test_what_comes_later_does_not_matter_to_a_gate():
    definition = {**DEFINITION, "steps": [*DEFINITION["steps"][:2], {"id": "tell"}]}

    before, after = basis(DEFINITION, PINS, "issue"), basis(definition, PINS, "issue")

    assert basis_changes(before, after) == []
