"""Workflows over the API: validating, drafting, publishing, comparing, taking in and out."""

import json

import pytest

from tests.api.callers import DOUBLE, Caller, assert_problem
from workflows_app.models import AppEvent, Workflow, WorkflowVersion

BROKEN = {
    **DOUBLE,
    "steps": [{"id": "double", "kind": "transform", "with": {"value": "=input.n *"}}],
}


def create(api: Caller, **more: object):
    return api.post("workflows", {"name": "Double It", "definition": DOUBLE, **more})


@pytest.mark.parametrize(("definition", "valid"), [(DOUBLE, True), (BROKEN, False), ({}, False)])
def test_validating_says_what_is_wrong_and_keeps_nothing(api: Caller, definition, valid):
    answer = api.post("definitions/validate", {"definition": definition}).json()

    assert answer["valid"] is valid
    assert bool([p for p in answer["problems"] if p["severity"] == "error"]) is not valid
    assert not Workflow.objects.exists()


def test_moving_a_box_changes_no_digest(api: Caller):
    def digest(definition: dict) -> str:
        return api.post("definitions/validate", {"definition": definition}).json()["digest"]

    assert digest(DOUBLE) == digest({**DOUBLE, "layout": {"double": [3, 4]}})
    assert digest(DOUBLE) != digest({**DOUBLE, "name": "Other"})


def test_the_schema_of_definitions_is_there(api: Caller):
    schema = api.get("definitions/schema").json()

    assert "steps" in json.dumps(schema)


def test_a_workflow_begins_as_a_draft(api: Caller):
    answer = create(api)

    assert answer.status_code == 201
    assert answer.json() == {
        "slug": "double-it",
        "name": "Double It",
        "workspace": "default",
        "draft": {"definition": DOUBLE, "revision": 1, "problems": []},
        "version": None,
    }
    assert api.get("workflows/double-it").json() == answer.json()


def test_a_taken_slug_is_409_and_changes_nothing(api: Caller):
    create(api, slug="double")

    assert_problem(create(api, slug="double", name="Second"), 409)
    assert Workflow.objects.get().name == "Double It"


@pytest.mark.parametrize("slug", ["", "Up", "a b", "a/b", "-a", "x" * 101, "ü"])
def test_an_impossible_slug_is_422(api: Caller, slug):
    assert_problem(create(api, slug=slug), 422)


def test_a_draft_may_be_incomplete_and_lists_its_problems(api: Caller):
    create(api, slug="double")

    saved = api.put("workflows/double/draft", {"definition": BROKEN, "revision": 1})

    assert saved.status_code == 200
    draft = saved.json()["draft"]
    assert draft["revision"] == 2
    assert [problem["severity"] for problem in draft["problems"]] == ["error"]
    assert_problem(api.post("workflows/double/publish", {"revision": 2, "note": ""}), 422)
    assert not WorkflowVersion.objects.exists()


def test_a_stale_draft_is_409_with_the_newer_one(api: Caller):
    create(api, slug="double")
    newer = {**DOUBLE, "name": "Newer"}
    api.put("workflows/double/draft", {"definition": newer, "revision": 1})

    stale = api.put("workflows/double/draft", {"definition": DOUBLE, "revision": 1})
    publish = api.post("workflows/double/publish", {"revision": 1, "note": ""})

    for answer in (stale, publish):
        draft = assert_problem(answer, 409)["draft"]
        assert (draft["definition"], draft["revision"]) == (newer, 2)
    assert Workflow.objects.get().draft == newer


def test_publishing_twice_gives_the_same_version(api: Caller):
    create(api, slug="double")
    body = {"revision": 1, "note": "first"}

    first = api.post("workflows/double/publish", body)
    second = api.post("workflows/double/publish", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == api.get("workflows/double/versions/1").json()
    version = first.json()
    assert (version["number"], version["note"], version["triggers"]) == (1, "first", [])
    assert version["definition"] == DOUBLE
    assert api.get("workflows/double").json()["version"] == 1
    assert AppEvent.objects.get(type="workflow.published").actor == "user:owner"


def test_versions_are_listed_newest_first_and_compared(api: Caller):
    create(api, slug="double")
    api.post("workflows/double/publish", {"revision": 1, "note": "one"})
    triple = {**DOUBLE, "steps": [{**DOUBLE["steps"][0], "with": {"value": "=input.n * 3.0"}}]}
    api.put("workflows/double/draft", {"definition": triple, "revision": 1})
    api.post("workflows/double/publish", {"revision": 2, "note": "two"})

    listed = api.get("workflows/double/versions").json()["items"]
    diff = api.get("workflows/double/diff?from=1&to=2").json()
    same = api.get("workflows/double/diff?from=2&to=draft").json()

    assert [version["number"] for version in listed] == [2, 1]
    assert (diff["from"], diff["to"], same["changes"]) == (1, 2, [])
    assert [(change["pointer"], change["new"]) for change in diff["changes"]] == [
        ("/steps/0/with/value", "=input.n * 3.0")
    ]
    assert_problem(api.get("workflows/double/diff?from=1&to=9"), 404)
    assert_problem(api.get("workflows/double/diff?from=1"), 422)


def test_another_workspace_sees_none_of_it(api: Caller, stranger: Caller):
    create(api, slug="double")
    api.post("workflows/double/publish", {"revision": 1, "note": ""})

    assert stranger.get("workflows").json()["items"] == []
    for path in ("", "/versions", "/versions/1", "/diff?from=1&to=draft", "/export"):
        assert_problem(stranger.get(f"workflows/double{path}"), 404)
    save = {"definition": DOUBLE, "revision": 1}
    assert_problem(stranger.put("workflows/double/draft", save), 404)
    assert_problem(stranger.post("workflows/double/publish", {"revision": 1, "note": ""}), 404)
    assert_problem(create(stranger, slug="mine", workspace="default"), 404)
    assert Workflow.objects.get().revision == 1


def test_a_viewer_and_a_service_change_no_definition(api: Caller, viewer: Caller, service: Caller):
    create(api, slug="double")
    save = {"definition": BROKEN, "revision": 1}

    for caller in (viewer, service):
        assert_problem(caller.put("workflows/double/draft", save), 403)
        assert_problem(create(caller, slug="other"), 403)
    assert Workflow.objects.get().draft == DOUBLE


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_what_is_taken_out_can_be_taken_in_again(api: Caller, format):
    create(api, slug="double")
    text = api.get(f"workflows/double/export?format={format}").content.decode()

    again = api.post("definitions/import", {"text": text, "format": format, "slug": "copy"})

    assert again.status_code == 201
    assert again.json()["draft"]["definition"] == DOUBLE
    assert again.json()["version"] is None


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("yaml", "a: &x [1]\nb: *x\n"),
        ("yaml", "!!python/object/apply:os.system ['true']"),
        ("yaml", "- 1"),
        ("json", '{"a": NaN}'),
        ("json", "[]"),
    ],
)
def test_a_text_that_is_no_plain_definition_is_400_and_makes_nothing(api: Caller, format, text):
    assert_problem(api.post("definitions/import", {"text": text, "format": format}), 400)

    assert not Workflow.objects.exists()
