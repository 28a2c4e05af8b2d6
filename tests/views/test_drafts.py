"""Drafts: made, imported, edited, compared, published and put away."""

import json

import pytest

from tests.views import factories
from workflows_app.models import Workflow

VALID = {
    "format": 1,
    "name": "Echo",
    "steps": [{"id": "give", "kind": "transform", "with": {"value": 1}}],
    "edges": [],
}


@pytest.fixture
def designer(client, owner):
    client.force_login(owner)
    return client


def save(client, definition, revision=1):
    data = {"definition": json.dumps(definition), "revision": revision}
    return client.post("/workflows/echo/edit/json/", data)


@pytest.fixture
def echo(designer):
    designer.post("/workflows/new/", {"text": json.dumps(VALID)})
    return Workflow.objects.get(slug="echo")


def test_a_name_alone_makes_a_blank_draft(designer):
    response = designer.post("/workflows/new/", {"name": "Fresh start"})

    assert response["Location"] == "/workflows/fresh-start/edit/"
    assert designer.get("/workflows/fresh-start/").status_code == 200


def test_yaml_is_imported(designer):
    text = "format: 1\nname: From YAML\nsteps: []\nedges: []\n"

    response = designer.post("/workflows/new/", {"text": text})

    assert response["Location"] == "/workflows/from-yaml/"


@pytest.mark.parametrize("data", [{}, {"text": "{broken"}, {"text": "- a\n- b"}])
def test_what_is_no_definition_is_refused(designer, data):
    assert designer.post("/workflows/new/", data).status_code == 422
    assert not Workflow.objects.exists()


def test_a_saved_draft_is_published_with_a_note(designer, echo):
    changed = {**VALID, "output": 2}

    saved = save(designer, changed)
    refused = designer.post("/workflows/echo/publish/", {"revision": 2})
    published = designer.post("/workflows/echo/publish/", {"revision": 2, "note": "First"})

    assert (saved.status_code, refused.status_code, published.status_code) == (302, 422, 302)
    version = echo.versions.get()
    assert (version.number, version.note, version.definition["output"]) == (1, "First", 2)


def test_a_newer_draft_is_shown_beside_what_was_written(designer, echo):
    save(designer, {**VALID, "output": "theirs"})

    response = save(designer, {**VALID, "output": "mine"})

    body = response.content.decode()
    assert response.status_code == 409
    assert "theirs" in body
    assert "mine" in body
    assert Workflow.objects.get(slug="echo").draft["output"] == "theirs"


def test_a_draft_with_problems_is_not_published(designer, echo):
    save(designer, {**VALID, "steps": [{"id": "give", "kind": "nonsense"}]})

    response = designer.post("/workflows/echo/publish/", {"revision": 2, "note": "Try"})

    assert response.status_code == 422
    assert not echo.versions.exists()


def test_changes_between_versions_are_shown(designer, echo):
    designer.post("/workflows/echo/publish/", {"revision": 1, "note": "First"})
    save(designer, {**VALID, "output": "second"})
    designer.post("/workflows/echo/publish/", {"revision": 2, "note": "Second"})

    body = designer.get("/workflows/echo/diff/1..2/").content.decode()

    assert "second" in body
    assert designer.get("/workflows/echo/diff/1..9/").status_code == 404
    assert designer.get("/workflows/echo/diff/2..draft/").status_code == 200


def test_an_archived_workflow_leaves_the_list(designer, echo):
    designer.post("/workflows/echo/archive/", {"archived": "on"})

    assert "Echo" not in designer.get("/workflows/").content.decode()
    assert "Echo" in designer.get("/workflows/?archived=1").content.decode()


@pytest.mark.parametrize("path", ["edit/json", "publish"])
def test_who_may_not_design_is_refused(client, viewer, version, path):
    client.force_login(viewer)

    assert client.get(f"/workflows/refund/{path}/").status_code == 403
    assert client.get("/workflows/new/").status_code == 403


def test_a_stranger_sees_no_draft(client, version, stranger):
    client.force_login(stranger)

    assert client.get("/workflows/refund/edit/").status_code == 404
    assert client.get("/workflows/refund/diff/14..draft/").status_code == 404


def test_the_sample_definition_of_these_tests_draws(designer, workspace):
    factories.workflow_make(workspace, slug="sample")

    body = designer.get("/workflows/sample/").content.decode()

    assert "Approve refund" in body
    assert "Problems" in body
