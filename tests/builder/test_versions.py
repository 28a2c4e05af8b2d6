"""Versions: the list, any two compared, one restored, files out; and taking edits back."""

import json

import pytest

from workflows_app.core.definition.words import word_diff
from workflows_app.errors import Conflict
from workflows_app.models import DraftEdit
from workflows_app.services.definitions import draft_save, workflow_create, workflow_publish
from workflows_app.services.draft_edits import KEPT
from workflows_app.services.draft_history import draft_redo, draft_undo
from workflows_app.views.compare import compare

FIRST = {
    "format": 1,
    "name": "Greet",
    "input": {},
    "steps": [
        {"id": "hello", "kind": "transform", "with": {"value": "Hello there, dear customer"}},
        {"id": "old", "kind": "transform", "with": {"value": 1}},
    ],
    "edges": [{"from": "hello", "to": "old"}],
}
SECOND = {
    **FIRST,
    "steps": [
        {"id": "hello", "kind": "transform", "with": {"value": "Hello again, dear customer"}},
        {"id": "new", "kind": "transform", "with": {"value": 2}},
    ],
    "edges": [{"from": "hello", "to": "new"}],
}


@pytest.fixture
def greet(workspace, owner):
    made = workflow_create(
        name="Greet", slug="greet", definition=FIRST, actor=owner, workspace=workspace
    )
    workflow_publish(workflow=made, revision=1, actor=owner, note="First words")
    saved = draft_save(workflow=made, definition=SECOND, revision=1, actor=owner, label="Rewrite")
    workflow_publish(workflow=saved, revision=2, actor=owner, note="Second words")
    saved.refresh_from_db()
    return saved


def test_words_that_differ_are_marked():
    parts = word_diff("Hello there, dear", "Hello again, dear")

    assert parts == [
        ("same", "Hello "),
        ("removed", "there"),
        ("added", "again"),
        ("same", ", dear"),
    ]


@pytest.mark.parametrize("size", [10, 4_000, 50_000])
def test_the_parts_of_a_comparison_give_both_texts_back(size):
    old, new = "a b\n" * size, "a c\n" * size + "d"

    parts = word_diff(old, new)

    assert "".join(text for mark, text in parts if mark != "added") == old
    assert "".join(text for mark, text in parts if mark != "removed") == new


def test_steps_are_marked_as_added_removed_and_changed():
    found = compare(FIRST, SECOND)

    assert {part.step: part.sign for part in found.parts if part.step} == {
        "hello": "●",
        "new": "+",
        "old": "−",
    }
    assert found.counts == {"added": 1, "removed": 1, "changed": 1}
    looks = {node.entry.id: node.look.word for node in found.drawing.nodes}
    assert looks == {"hello": "Changed", "new": "Added", "old": "Removed"}


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_the_list_is_a_page_and_a_tab(designer, greet, headers):
    response = designer.get("/workflows/greet/edit/versions/", headers=headers)

    body = response.content.decode()
    assert "First words" in body
    assert "Second words" in body
    assert ("<html" in body) is not bool(headers)


def test_two_chosen_versions_lead_to_their_comparison(designer, greet):
    chosen = designer.get("/workflows/greet/versions/compare/?a=1&b=draft")
    body = designer.get("/workflows/greet/diff/1..2/").content.decode()

    assert chosen["Location"] == "/workflows/greet/diff/1..draft/"
    assert "<ins>again</ins>" in body
    assert "<del>there</del>" in body
    assert designer.get("/workflows/greet/diff/draft..1/").status_code == 200
    assert designer.get("/workflows/greet/versions/compare/?a=1&b=7").status_code == 404


def test_the_tab_of_changes_shows_the_draft_against_the_newest(designer, greet, owner):
    draft_save(workflow=greet, definition=FIRST, revision=2, actor=owner)

    body = designer.get(
        "/workflows/greet/edit/changes/", headers={"HX-Request": "true"}
    ).content.decode()

    assert "<ins>there</ins>" in body
    assert "<html" not in body


def test_a_version_becomes_the_draft_again(designer, greet):
    response = designer.post("/workflows/greet/versions/1/restore/", {"revision": "2"})

    greet.refresh_from_db()
    assert response.status_code == 302
    assert greet.draft == FIRST
    assert greet.revision == 3
    assert greet.versions.count() == 2


def test_restoring_over_a_newer_draft_is_refused(designer, greet):
    response = designer.post("/workflows/greet/versions/1/restore/", {"revision": "1"})

    greet.refresh_from_db()
    assert response["Location"] == "/workflows/greet/versions/"
    assert greet.draft == SECOND


@pytest.mark.parametrize(
    ("who", "status"), [("viewer", 403), ("stranger", 404)], ids=["viewer", "stranger"]
)
def test_who_may_not_design_restores_nothing(client, request, greet, who, status):
    client.force_login(request.getfixturevalue(who))

    assert (
        client.post("/workflows/greet/versions/1/restore/", {"revision": "2"}).status_code == status
    )
    greet.refresh_from_db()
    assert greet.draft == SECOND


def test_files_hold_the_draft_or_a_version(designer, greet):
    as_json = designer.get("/workflows/greet/export.json?version=1")
    as_yaml = designer.get("/workflows/greet/export.yaml")

    assert json.loads(as_json.content) == FIRST
    assert 'filename="greet-v1.json"' in as_json["Content-Disposition"]
    assert b"Hello again" in as_yaml.content


def test_edits_are_taken_back_and_made_again_one_by_one(greet, owner):
    edited = {**SECOND, "name": "Salute"}
    draft_save(workflow=greet, definition=edited, revision=2, actor=owner, label="Rename")

    draft_undo(workflow=greet, actor=owner)
    greet.refresh_from_db()
    after_one = greet.draft
    draft_undo(workflow=greet, actor=owner)
    greet.refresh_from_db()
    after_two = greet.draft
    draft_redo(workflow=greet, actor=owner)
    greet.refresh_from_db()

    assert (after_one, after_two, greet.draft) == (SECOND, FIRST, SECOND)
    draft_undo(workflow=greet, actor=owner)
    with pytest.raises(Conflict, match="nothing of yours"):
        draft_undo(workflow=greet, actor=owner)


def test_another_persons_edit_of_the_same_place_is_not_overwritten(greet, owner, colleague):
    mine = {**SECOND, "name": "Mine"}
    theirs = {**SECOND, "name": "Theirs"}
    draft_save(workflow=greet, definition=mine, revision=2, actor=owner)
    greet.refresh_from_db()
    draft_save(workflow=greet, definition=theirs, revision=3, actor=colleague)

    with pytest.raises(Conflict):
        draft_undo(workflow=greet, actor=owner)

    greet.refresh_from_db()
    assert greet.draft["name"] == "Theirs"


def test_only_the_newest_edits_are_kept(greet, owner):
    revision = greet.revision
    for number in range(KEPT + 5):
        greet = draft_save(
            workflow=greet,
            definition={**SECOND, "name": f"N{number}"},
            revision=revision + number,
            actor=owner,
        )

    assert DraftEdit.objects.filter(workflow=greet, user=owner).count() == KEPT


def test_the_list_tells_drafts_that_differ_from_what_is_published(designer, greet, owner):
    def listed(state=""):
        rows = designer.get(f"/workflows/?state={state}").context["workflows"]
        return [(row.slug, row.draft_state) for row in rows]

    workflow_create(
        name="New", slug="new", definition=FIRST, actor=owner, workspace=greet.workspace
    )
    as_published = listed()
    assert "Draft changes" not in designer.get("/workflows/greet/").content.decode()
    drawn = {**SECOND, "layout": {"hello": [10, 20]}}
    greet = draft_save(workflow=greet, definition=drawn, revision=2, actor=owner)
    moved = listed("published")
    draft_save(workflow=greet, definition=FIRST, revision=3, actor=owner)

    assert as_published == [("greet", "published"), ("new", "draft")]
    assert moved == [("greet", "published")]
    assert listed("changed") == [("greet", "changed")]
    assert listed("published") == []
    assert listed("draft") == [("new", "draft")]
    body = designer.get("/workflows/").content.decode()
    assert 'href="/workflows/greet/diff/2..draft/"' in body
    assert "Draft changes" in designer.get("/workflows/greet/").content.decode()
    assert (
        "No workflow fits this filter"
        in designer.get("/workflows/?state=published").content.decode()
    )
