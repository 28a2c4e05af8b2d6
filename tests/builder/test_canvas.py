"""The canvas's data, and changes of a draft by one person, two people and a viewer."""

import json

import pytest
from django.test import Client

from tests.builder.definitions import START, every_kind
from workflows_app.core.definition import definition_check
from workflows_app.core.definition.changes import changes_between
from workflows_app.core.definition.ports import ports_of
from workflows_app.core.kinds import kinds
from workflows_app.models import AppEvent, Workflow

PROMPT = ["steps", "classify", "with", "prompt"]
VALUE = ["steps", "draft", "with", "value"]


def prompt(value, was="Label {{ input }}"):
    return {"path": PROMPT, "was": was, "value": value}


def canvas(client):
    return client.get("/workflows/refund/edit/canvas.json").json()


def test_the_canvas_gets_the_draft_its_problems_the_palette_and_the_rules(designer, workflow):
    body = canvas(designer)

    assert set(body) == {"revision", "definition", "problems", "palette", "rules", "may_edit"}
    assert (body["revision"], body["definition"], body["may_edit"]) == (1, START, True)
    assert all(
        {"severity", "code", "step", "pointer", "message"} <= set(one) for one in body["problems"]
    )


def test_the_palette_holds_every_kind_that_people_may_use_once(designer, workflow):
    entries = [entry for group in canvas(designer)["palette"] for entry in group["kinds"]]

    named = [entry["kind"] for entry in entries]
    assert sorted(named) == sorted(name for name, kind in kinds().items() if not kind.is_hidden)
    for entry in entries:
        assert entry["label"]
        is_ours = not type(kinds()[entry["kind"]]).__module__.startswith("tests.")
        assert entry["hint"].endswith(".") or not is_ours
        assert entry["ports"] == ports_of({"kind": entry["kind"], "with": entry["with"]})


def test_a_change_is_saved_and_recorded_with_its_label(designer, workflow, send):
    response = send(designer, prompt("Sort it"), label="Edit prompt")

    workflow.refresh_from_db()
    assert response.status_code == 200
    assert {name: response.json()[name] for name in ("revision", "merged")} == {
        "revision": 2,
        "merged": False,
    }
    assert "definition" not in response.json()
    assert workflow.draft["steps"][0]["with"]["prompt"] == "Sort it"
    event = AppEvent.objects.get(type="workflow.draft_saved")
    assert (event.data["label"], event.data["revision"]) == ("Edit prompt", 2)


def test_what_is_there_already_makes_no_revision(designer, workflow, send):
    response = send(designer, prompt("Label {{ input }}", was="other"))

    assert response.json()["revision"] == 1
    assert not AppEvent.objects.filter(type="workflow.draft_saved").exists()


def test_changes_of_two_people_merge_by_step(designer, workflow, colleague, send):
    other = Client()
    other.force_login(colleague)
    send(other, {"path": VALUE, "was": "=input.amount", "value": "=1.0"})

    response = send(designer, prompt("Sort it"), revision=1)

    body = response.json()
    assert (response.status_code, body["revision"], body["merged"]) == (200, 3, True)
    assert body["definition"]["steps"][1]["with"]["value"] == "=1.0"
    assert body["definition"]["steps"][0]["with"]["prompt"] == "Sort it"


def test_two_tabs_that_change_one_place_are_shown_both_and_nothing_is_lost(
    designer, workflow, send
):
    send(designer, prompt("First tab"))

    response = send(
        designer, prompt("Second tab"), {"path": ["name"], "was": "Refund", "value": "X"}
    )

    body = response.json()
    workflow.refresh_from_db()
    assert response.status_code == 409
    assert (body["code"], body["revision"], body["definition"]) == ("conflict", 2, workflow.draft)
    assert body["conflicts"] == [
        {"path": PROMPT, "was": "Label {{ input }}", "value": "Second tab", "theirs": "First tab"}
    ]
    assert (workflow.revision, workflow.name) == (2, "Refund")


def test_the_name_of_the_workflow_follows_the_definition(designer, workflow, send):
    send(designer, {"path": ["name"], "was": "Refund", "value": "Refunds"})

    workflow.refresh_from_db()
    assert workflow.name == "Refunds"


def test_a_viewer_reads_and_never_writes(client, viewer, workflow, send):
    client.force_login(viewer)

    response = send(client, prompt("Mine"))

    workflow.refresh_from_db()
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
    assert workflow.draft == START
    assert canvas(client)["may_edit"] is False


def test_a_stranger_and_nobody_see_nothing(client, stranger, workflow, send):
    assert send(client, prompt("Mine")).status_code == 401
    client.force_login(stranger)

    assert send(client, prompt("Mine")).status_code == 404
    assert client.get("/workflows/refund/edit/canvas.json").status_code == 404


def test_a_change_needs_the_token_of_its_page(owner, workflow):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = client.post("/workflows/refund/edit/changes/", "{}", content_type="application/json")

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "json_syntax"),
        ('{"revision": 1, "revision": 2}', 400, "json_duplicate_key"),
        ("[]", 422, "bad_changes"),
        ('{"revision": 1, "changes": [], "label": ""}', 422, "bad_changes"),
        ('{"revision": 9, "changes": [{"path": ["name"], "value": 1}]}', 422, "bad_revision"),
        ('{"revision": true, "changes": [{"path": ["name"], "value": 1}]}', 422, "bad_revision"),
        ('{"revision": 1, "changes": [{"path": ["name"]}]}', 422, "bad_changes"),
        ('{"revision": 1, "changes": [{"path": ["name"], "value": NaN}]}', 400, "json_number"),
        ('{"revision": 1, "changes": [{"path": ["name"], "value": 1}], "x": 1}', 422, "invalid"),
    ],
)
def test_what_cannot_be_read_is_refused_and_changes_nothing(designer, workflow, body, status, code):
    response = designer.post(
        "/workflows/refund/edit/changes/", body, content_type="application/json"
    )

    workflow.refresh_from_db()
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert (workflow.draft, workflow.revision) == (START, 1)


def test_a_definition_with_every_kind_comes_back_unchanged(designer, workflow, send):
    Workflow.objects.filter(pk=workflow.pk).update(draft={"format": 1, "name": "All"})
    wanted = every_kind()
    made = [change.as_json() for change in changes_between(canvas(designer)["definition"], wanted)]

    response = send(designer, *json.loads(json.dumps(made)))

    assert response.status_code == 200
    assert canvas(designer)["definition"] == wanted


def test_new_steps_are_valid_but_for_what_only_a_person_can_say(workflow):
    problems = definition_check(every_kind()).errors

    assert {(problem.code, problem.pointer.split("/with/")[-1]) for problem in problems} <= {
        ("empty_assignees", "assignees"),
        ("no_steps", "body/steps"),
        ("invalid_value", "slug"),
    }
