"""The properties of a step: shown to readers, saved field by field by designers."""

import json

import pytest

from tests.builder.definitions import START
from tests.builder.pages import form_of, forms_of
from tests.builder.properties_hand import draft, fields, save, settings
from workflows_app.models import Workflow

XSS = "<script>alert(1)</script>\"'{{ 7 }}"


def test_a_field_saves_itself_and_tells_the_page_what_changed(designer, workflow):
    form = form_of(fields(designer), "/with/prompt")

    response = save(designer, form, v="Sort it")

    told = json.loads(response["HX-Trigger"])["draft:changed"]
    assert settings(workflow) == {**START["steps"][0]["with"], "prompt": "Sort it"}
    assert (told["revision"], told["label"]) == (2, "Edit prompt")
    assert told["changes"] == [
        {"path": ["steps", "classify", "with", "prompt"], "was": "Label {{ input }}",
         "value": "Sort it"}
    ]  # fmt: skip
    assert response["HX-Reswap"] == "none"
    assert "<textarea" not in response.content.decode()


def test_a_saved_field_can_be_saved_again_at_once(designer, workflow):
    form = form_of(fields(designer), "/with/prompt")
    first = save(designer, form, v="One")
    was = first.content.decode().partition('name="was" value="')[2].partition('"')[0]

    second = save(designer, form, v="Two", was=was)

    assert (second.status_code, settings(workflow)["prompt"]) == (200, "Two")


def test_a_row_is_added_moved_and_removed(designer, workflow):
    page = fields(designer)
    form = form_of(page, "/with/labels")
    added = save(designer, form, v__1="technical")
    form = form_of(added.content.decode(), "/with/labels")
    moved = save(designer, form, act="up:v:1")
    form = form_of(moved.content.decode(), "/with/labels")
    assert settings(workflow)["labels"] == ["technical", "refund"]

    save(designer, form, act="drop:v:0")

    assert settings(workflow)["labels"] == ["refund"]


def test_an_approval_is_set_filled_in_and_taken_away(designer, workflow):
    form = form_of(fields(designer, "draft"), "/approval")
    shown = save(designer, form, "draft", act="on:v").content.decode()
    assert draft(workflow)["steps"][1]["approval"] == {"assignees": []}
    form = form_of(shown, "/approval")
    shown = save(
        designer, form, "draft", v__assignees__0="group:boss", v__need="2"
    ).content.decode()
    assert draft(workflow)["steps"][1]["approval"] == {"assignees": ["group:boss"], "need": 2}

    save(designer, form_of(shown, "/approval"), "draft", act="off:v")

    assert "approval" not in draft(workflow)["steps"][1]


def test_a_condition_is_built_of_rows(designer, workflow):
    form = form_of(fields(designer, "draft"), "/when")

    save(designer, form, "draft", v__as="rows", v__rows__0__field="input.amount",
         v__rows__0__operator=">", v__rows__0__value="500", v__joint="&&")  # fmt: skip

    assert draft(workflow)["steps"][1]["when"] == "input.amount > 500.0"
    form = form_of(fields(designer, "draft"), "/when")
    assert dict(form.values)["v/rows/0/value"] == "500"


def test_a_schema_is_built_of_rows(designer, workflow):
    form = form_of(fields(designer, ""), "/input")

    save(designer, form, "", v__1__key="reason", v__1__type="string", v__1__required="on",
         v__1__choices="late, broken", v__1__description="Why")  # fmt: skip

    assert draft(workflow)["input"] == {
        "type": "object",
        "properties": {
            "amount": {"type": "number"},
            "reason": {"type": "string", "description": "Why", "enum": ["late", "broken"]},
        },
        "required": ["reason"],
    }


def test_objects_and_lists_of_objects_within_a_schema_are_rows_too(designer, workflow):
    form = form_of(fields(designer, ""), "/input")
    save(designer, form, "", v__1__key="lines", v__1__type="array")
    form = form_of(fields(designer, ""), "/input")
    save(designer, form, "", v__1__of="object")
    form = form_of(fields(designer, ""), "/input")
    named = {"v/1/in/0/key": "due", "v/1/in/0/type": "string", "v/1/in/0/required": "on",
             "v/1/in/0/title": "Due on"}  # fmt: skip
    save(designer, form, "", **named)
    form = form_of(fields(designer, ""), "/input")
    told = {"v/1/in/0/format": "date", "v/1/in/0/default": "2026-01-31"}
    save(designer, form, "", **told)

    due = {"type": "string", "title": "Due on", "format": "date", "default": "2026-01-31"}
    items = {"type": "object", "properties": {"due": due}, "required": ["due"]}
    assert draft(workflow)["input"]["properties"]["lines"] == {"type": "array", "items": items}
    form = form_of(fields(designer, ""), "/input")
    save(designer, form, "", act="drop:v/1/in:0")
    left = draft(workflow)["input"]["properties"]["lines"]["items"]
    assert left == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("path", "pointer", "changed", "message"),
    [
        ("draft", "/with/value", {"v": "{broken"}, "not JSON"),
        ("draft", "/retry", {"v/on": "1", "v/attempts": "many"}, "Write a number"),
        ("", "/name", {"v": "x" * 10, "field": "/steps"}, "no such field"),
    ],
)
def test_what_cannot_be_kept_is_refused_beside_the_field(
    designer, workflow, path, pointer, changed, message
):
    form = form_of(fields(designer, path), pointer)

    response = save(designer, form, path, **changed)

    assert response.status_code in (404, 422)
    assert message in response.content.decode()
    assert draft(workflow) == START


def test_a_value_that_is_wrong_is_kept_and_its_problem_stands_beside_it(designer, workflow):
    form = form_of(fields(designer, "draft"), "/with/value")

    response = save(designer, form, "draft", v="=input.amount + 1")

    assert settings(workflow, 1)["value"] == "=input.amount + 1"
    assert "write 1.0 instead of 1 (line 1, column" in response.content.decode()


def test_two_people_at_one_field_see_both_and_may_insist(designer, workflow):
    form = form_of(fields(designer), "/with/prompt")
    save(designer, form, v="Theirs")

    refused = save(designer, form, v="Mine")
    assert (refused.status_code, settings(workflow)["prompt"]) == (409, "Theirs")
    assert "Theirs" in refused.content.decode()

    save(designer, form, v="Mine", force="1")
    assert settings(workflow)["prompt"] == "Mine"


def test_another_field_that_was_changed_meanwhile_is_left_alone(designer, workflow):
    page = fields(designer)
    save(designer, form_of(page, "/with/prompt"), v="New")

    save(designer, form_of(page, "/with/model"), v="large")

    assert settings(workflow) == {"model": "large", "labels": ["refund"], "prompt": "New"}


def test_a_step_gets_another_id_with_everything_that_names_it(designer, workflow):
    Workflow.objects.filter(pk=workflow.pk).update(
        draft={**START, "output": "=steps.draft.output + steps.drafts.output"}
    )
    form = next(one for one in forms_of(fields(designer, "draft"))
                if dict(one.values)["field"] == "/id")  # fmt: skip

    response = save(designer, form, "draft", v="answer")

    made = draft(workflow)
    assert [step["id"] for step in made["steps"]] == ["classify", "answer"]
    assert made["edges"] == [{"from": "classify.refund", "to": "answer"}]
    assert made["output"] == "=steps.answer.output + steps.drafts.output"
    assert json.loads(response["HX-Trigger"])["draft:changed"]["select"] == "answer"
    assert save(designer, form, "classify", v="answer").status_code == 422


def test_what_was_drawn_at_a_step_stays_with_its_new_id(designer, workflow):
    drawn = {"draft": [1, 2], "draft.error>classify": [[3, 4]], "classify.refund>draft": [[5, 6]],
             "draft/paid": [7, 8], "drafts": [9, 9]}  # fmt: skip
    Workflow.objects.filter(pk=workflow.pk).update(draft={**START, "layout": drawn})
    form = next(one for one in forms_of(fields(designer, "draft"))
                if dict(one.values)["field"] == "/id")  # fmt: skip

    save(designer, form, "draft", v="answer")

    kept = draft(workflow)["layout"]
    assert kept == {"answer": [1, 2], "answer.error>classify": [[3, 4]],
                    "classify.refund>answer": [[5, 6]], "answer/paid": [7, 8],
                    "drafts": [9, 9]}  # fmt: skip


def test_the_fields_of_a_step_that_is_gone_leave_the_page_as_it_is(designer, workflow):
    address = "/workflows/refund/edit/step/?path=gone"

    assert designer.get(address, headers={"HX-Request": "true"}).status_code == 204
    assert designer.get(address).status_code == 404
    asked = {"path": "gone", "field": "/when", "text": "true", "as": "cel"}
    checked = designer.post("/workflows/refund/edit/expression/", asked)
    assert (checked.status_code, checked.content) == (204, b"")


def test_a_step_inside_another_has_fields_of_its_own(designer, workflow):
    inner = {"id": "check", "kind": "transform", "with": {"value": 1}}
    loop = {"id": "again", "kind": "loop", "with": {"limit": 3, "body": {"steps": [inner]}}}
    options = {"id": "either", "kind": "fallback",
               "with": {"options": [{"kind": "transform", "with": {"value": 1}}]}}  # fmt: skip
    Workflow.objects.filter(pk=workflow.pk).update(draft={**START, "steps": [loop, options]})

    save(designer, form_of(fields(designer, "again.check"), "/with/value"), "again.check", v="=2.0")
    save(designer, form_of(fields(designer, "either.step_1"), "/with/value"), "either.step_1",
         v="text")  # fmt: skip

    steps = draft(workflow)["steps"]
    assert steps[0]["with"]["body"]["steps"][0]["with"] == {"value": "=2.0"}
    assert steps[1]["with"]["options"] == [{"kind": "transform", "with": {"value": "text"}}]


def test_triggers_are_edited_like_any_list(designer, workflow):
    form = form_of(fields(designer, ""), "/triggers")
    shown = save(designer, form, "", act="add:v").content.decode()
    form = form_of(shown, "/triggers")
    shown = save(designer, form, "", **{"v/0/check": "schedule"}).content.decode()
    form = form_of(shown, "/triggers")

    save(designer, form, "", v__0__schedule="0 9 * * *", v__0__zone="UTC")

    assert draft(workflow)["triggers"] == [{"schedule": "0 9 * * *"}]


def test_a_viewer_sees_every_field_and_changes_none(client, viewer, owner, designer, workflow):
    page = fields(designer)
    client.force_login(viewer)

    seen = fields(client)
    response = save(client, form_of(page, "/with/prompt"), v="Mine")

    assert "Label {{ input }}" in seen
    assert '<fieldset class="pb" disabled>' in seen
    assert (response.status_code, draft(workflow)) == (403, START)


def test_a_stranger_sees_no_fields(client, stranger, workflow):
    client.force_login(stranger)

    assert client.get("/workflows/refund/edit/step/?path=classify").status_code == 404
    assert client.get("/workflows/refund/edit/").status_code == 404


def test_a_large_change_travels_in_the_body(designer, workflow):
    form = form_of(fields(designer), "/with/prompt")

    response = save(designer, form, v="long " * 3_000)

    assert "HX-Trigger" not in response
    assert response["HX-Trigger-After-Swap"] == "draft:carried"
    assert 'id="draft-change"' in response.content.decode()


def test_without_scripts_a_field_is_a_form_of_a_page(designer, workflow):
    page = designer.get("/workflows/refund/edit/step/?path=classify").content.decode()
    form = form_of(page, "/with/prompt")

    response = designer.post("/workflows/refund/edit/step/?path=classify",
                             form.data(v="Sort").urlencode(),
                             content_type="application/x-www-form-urlencoded")  # fmt: skip

    assert "<html" in page
    assert response["Location"] == "/workflows/refund/edit/step/?path=classify"
    assert settings(workflow)["prompt"] == "Sort"


def test_markup_in_any_text_is_text(designer, workflow):
    step = {"id": "a", "kind": "tool", "name": XSS, "description": XSS,
            "with": {"tool": XSS, "arguments": {XSS: XSS}}, "when": XSS, "exclusive": XSS,
            "approval": {"summary": XSS, "assignees": [XSS], "form": {"title": XSS}},
            "guardrails": [{"check": XSS}], "until": [{"port": XSS}]}  # fmt: skip
    wild = {"format": 1, "name": XSS, "description": XSS, "steps": [step],
            "edges": [{"from": XSS, "to": XSS}], "triggers": [{"event": XSS}]}  # fmt: skip
    Workflow.objects.filter(pk=workflow.pk).update(draft=wild, name=XSS)

    for address in ("edit/", "edit/step/?path=a", "edit/step/", "edit/problems/", "edit/json/"):
        body = designer.get(f"/workflows/refund/{address}").content.decode()
        assert "<script>alert" not in body
        assert "&lt;script&gt;alert" in body


def test_an_expression_is_checked_while_it_is_written(designer, workflow):
    def check(text, path="draft", field="/when"):
        data = {"text": text, "path": path, "field": field, "as": "cel"}
        return designer.post("/workflows/refund/edit/expression/", data).json()

    assert check("input.amount > 5.0") == {"valid": True, "message": "Right."}
    assert check("input.amount > ")["valid"] is False
    assert "line 1, column" in check("input.amount + 5 > 2.0")["message"]
    assert "no step nowhere" in check("steps.nowhere.output == 1.0")["message"]
    assert "true or false" in check("'text'")["message"]
    assert draft(workflow) == START


def test_what_expressions_may_name_is_offered(designer, workflow):
    page = fields(designer, "draft")

    for name in ("input.amount", "steps.classify.output.label", "run.number"):
        assert f'<option value="{name}">' in page
    assert "steps.draft.output" not in page.partition('id="variables"')[2]
