"""Creating, saving and publishing workflows."""

import threading

import pytest
from django.db import connection, connections

from workflows_app.core.definition import ToolFacts
from workflows_app.core.strict_json import JsonRefused
from workflows_app.definition_hooks import _facts, _pins, _published
from workflows_app.errors import Conflict, Invalid, NotFound
from workflows_app.models import (
    AppEvent,
    Group,
    Member,
    User,
    Workflow,
    WorkflowVersion,
    Workspace,
)
from workflows_app.selectors.definitions import (
    check_context,
    version_diff,
    version_get,
    version_list,
    workflow_get,
    workflow_list,
)
from workflows_app.services.archive import workflow_archive
from workflows_app.services.definition_import import workflow_import
from workflows_app.services.definitions import (
    definition_validate,
    draft_save,
    draft_shape,
    draft_version,
    workflow_create,
    workflow_publish,
)

pytestmark = pytest.mark.django_db


def definition(value=1, **more):
    step = {"id": "a", "kind": "transform", "with": {"value": value}}
    return {"format": 1, "name": "Sample", "steps": [step], "edges": [], **more}


@pytest.fixture
def space():
    return Workspace.objects.create(slug="here", name="Here")


@pytest.fixture
def ann(space):
    return person("ann", space)


def person(name, space):
    user = User.objects.create(username=name)
    Member.objects.create(workspace=space, user=user, roles=["designer"])
    return user


@pytest.fixture
def workflow(space, ann):
    return workflow_create(name="Sample", definition=definition(), actor=ann, workspace=space)


@pytest.fixture
def hooks():
    """Give the registries of the hooks, empty for the test."""
    kept = [list(one) for one in (_facts, _pins, _published)]
    for one in (_facts, _pins, _published):
        one.clear()
    yield _facts, _pins, _published
    for one, before in zip((_facts, _pins, _published), kept, strict=True):
        one[:] = before


def event_types():
    return list(AppEvent.objects.order_by("pk").values_list("type", flat=True))


def test_a_new_workflow_is_a_draft_of_its_creator(workflow, ann):
    assert workflow.slug == "sample"
    assert workflow.revision == 1
    assert list(workflow.draft_editors.all()) == [ann]
    assert not workflow.versions.exists()
    assert AppEvent.objects.get(type="workflow.created").actor == "user:ann"


def test_a_derived_slug_makes_way_and_a_wanted_one_conflicts(workflow, space, ann):
    second = workflow_create(name="Sample", definition={}, actor=ann, workspace=space)
    assert second.slug == "sample-2"

    with pytest.raises(Conflict) as caught:
        workflow_create(name="X", slug="sample", definition={}, actor=ann, workspace=space)

    assert caught.value.code == "slug_taken"
    assert Workflow.objects.count() == 2


def test_a_name_without_letters_still_gets_a_slug(space, ann):
    made = workflow_create(name="!!!", definition={}, actor=ann, workspace=space)

    assert made.slug == "workflow"


def test_a_draft_may_be_incomplete_and_lists_its_problems(space, ann):
    made = workflow_create(name="Empty", definition={}, actor=ann, workspace=space)

    shape = draft_shape(made)

    assert {"missing_field", "no_steps"} == {one["code"] for one in shape["problems"]}
    assert shape["revision"] == 1


@pytest.mark.parametrize("bad", [None, [], "x", {"a": "\0"}, {"a": float("nan")}, {"a": "\ud800"}])
def test_a_draft_that_is_no_clean_json_is_refused(bad, workflow, ann):
    with pytest.raises(Invalid):
        draft_save(workflow=workflow, definition=bad, revision=1, actor=ann)

    workflow.refresh_from_db()
    assert workflow.revision == 1


def test_saving_moves_the_revision_and_records_who_edited(workflow, space):
    bob = person("bob", space)

    saved = draft_save(
        workflow=workflow, definition=definition(2, name="Other"), revision=1, actor=bob
    )

    assert (saved.revision, saved.name) == (2, "Other")
    assert {one.username for one in saved.draft_editors.all()} == {"ann", "bob"}
    assert event_types() == ["workflow.created", "workflow.draft_saved"]


def test_saving_over_a_newer_draft_conflicts_and_carries_it(workflow, ann):
    draft_save(workflow=workflow, definition=definition(2), revision=1, actor=ann)

    with pytest.raises(Conflict) as caught:
        draft_save(workflow=workflow, definition=definition(3), revision=1, actor=ann)

    assert caught.value.code == "draft_changed"
    assert caught.value.extra["draft"]["revision"] == 2
    assert caught.value.extra["draft"]["definition"] == definition(2)
    workflow.refresh_from_db()
    assert workflow.draft == definition(2)


def test_publishing_stores_digest_expansion_editors_and_note(workflow, ann):
    version, is_new = workflow_publish(workflow=workflow, revision=1, actor=ann, note="first")

    assert is_new
    assert (version.number, version.note) == (1, "first")
    assert version.expanded["steps"][0]["id"] == "a"
    assert [one.username for one in version.editors.all()] == ["ann"]
    assert not workflow.draft_editors.exists()
    event = AppEvent.objects.get(type="workflow.published")
    assert event.data == {"version": 1, "digest": version.digest, "note": "first"}


def test_an_unchanged_or_only_redrawn_draft_gives_its_version(workflow, ann):
    first, _ = workflow_publish(workflow=workflow, revision=1, actor=ann)
    draft_save(
        workflow=workflow, definition=definition(layout={"a": [3, 4]}), revision=1, actor=ann
    )

    again, is_new = workflow_publish(workflow=workflow, revision=2, actor=ann)

    assert (again.pk, is_new) == (first.pk, False)
    assert event_types().count("workflow.published") == 1


def test_publishing_an_old_draft_conflicts(workflow, ann):
    draft_save(workflow=workflow, definition=definition(2), revision=1, actor=ann)

    with pytest.raises(Conflict):
        workflow_publish(workflow=workflow, revision=1, actor=ann)

    assert not WorkflowVersion.objects.exists()


def test_publishing_a_draft_with_problems_lists_them(workflow, ann):
    draft_save(workflow=workflow, definition=definition("=nope"), revision=1, actor=ann)

    with pytest.raises(Invalid) as caught:
        workflow_publish(workflow=workflow, revision=2, actor=ann)

    assert [one["code"] for one in caught.value.extra["problems"]] == ["expression_unknown_name"]
    assert not WorkflowVersion.objects.exists()


def test_versions_number_up_and_differ(workflow, ann, space):
    workflow_publish(workflow=workflow, revision=1, actor=ann)
    draft_save(workflow=workflow, definition=definition(2), revision=1, actor=ann)
    workflow_publish(workflow=workflow, revision=2, actor=ann)

    assert [one.number for one in version_list(workflow=workflow)] == [2, 1]
    (change,) = version_diff(workflow=workflow, old=1, new=2)
    assert (change.pointer, change.old, change.new) == ("/steps/0/with/value", 1, 2)
    assert version_diff(workflow=Workflow.objects.get(), old=2, new="draft") == []
    with pytest.raises(NotFound):
        version_get(workflow=workflow, number=3)


def test_a_rehearsal_copy_of_the_draft_has_no_number_and_is_kept(workflow, ann):
    copy = draft_version(workflow=workflow)

    assert copy.number is None
    assert draft_version(workflow=workflow).pk == copy.pk
    assert list(version_list(workflow=workflow)) == []


def test_child_workflows_are_pinned_at_publish(workflow, space, ann):
    child, _ = workflow_publish(workflow=workflow, revision=1, actor=ann)
    step = {"id": "child", "kind": "workflow", "with": {"slug": "sample", "input": {}}}
    parent = workflow_create(
        name="Parent", definition=definition() | {"steps": [step]}, actor=ann, workspace=space
    )

    version, _ = workflow_publish(workflow=parent, revision=1, actor=ann)

    assert version.pins["workflows"] == {"sample": str(child.pk)}


def test_what_other_apps_know_is_checked_and_pinned(workflow, ann, hooks):
    facts, pins, published = hooks
    heard = []
    facts.append(lambda space: {"tools": {"known": ToolFacts(effect="none")}})
    pins.append(lambda space, expanded: {"tools": {"known": "7"}})
    published.append(lambda version, actor: heard.append((version.number, actor.username)))
    step = {"id": "a", "kind": "tool", "with": {"tool": "unknown"}}

    checked = definition_validate(definition=definition() | {"steps": [step]}, workflow=workflow)
    version, _ = workflow_publish(workflow=workflow, revision=1, actor=ann)

    assert "unknown_tool" in {one.code for one in checked.problems}
    assert version.pins["tools"] == {"known": "7"}
    assert heard == [(1, "ann")]


def test_the_check_knows_groups_people_and_editors(workflow, space, ann):
    group = Group.objects.create(workspace=space, name="support")
    Group.objects.create(workspace=space, name="empty")
    group.members.add(Member.objects.get(user=ann))
    person("gone", space)
    Member.objects.filter(user__username="gone").update(is_active=False)

    context = check_context(workspace=space, workflow=workflow)

    assert context.groups == {"support": frozenset({"ann"}), "empty": frozenset()}
    assert context.users == frozenset({"ann"})
    assert context.editors == frozenset({"ann"})
    assert context.slug == "sample"


def test_a_stranger_finds_no_workflow(workflow):
    stranger = User.objects.create(username="eve")

    assert list(workflow_list(actor=stranger)) == []
    with pytest.raises(NotFound):
        workflow_get(slug="sample", actor=stranger)


def test_the_list_shows_the_newest_number_and_hides_what_is_archived(workflow, ann):
    workflow_publish(workflow=workflow, revision=1, actor=ann)
    assert workflow_list(actor=ann).get().newest_number == 1

    workflow_archive(workflow=workflow, actor=ann)

    assert list(workflow_list(actor=ann)) == []
    assert workflow_get(slug="sample", actor=ann).archived_at is not None
    workflow_archive(workflow=workflow, actor=ann, archived=False)
    assert workflow_list(actor=ann).count() == 1


def test_import_takes_json_and_yaml_and_only_makes_a_draft(space, ann):
    from_yaml = workflow_import(
        text="format: 1\nname: From a file\nsteps: []\n", format="yaml", actor=ann, workspace=space
    )
    from_json = workflow_import(text='{"name": "J"}', actor=ann, workspace=space, name="Mine")

    assert (from_yaml.name, from_yaml.slug) == ("From a file", "from-a-file")
    assert (from_json.name, from_json.draft) == ("Mine", {"name": "J"})
    assert not WorkflowVersion.objects.exists()
    with pytest.raises(JsonRefused):
        workflow_import(text='{"a": 1, "a": 2}', actor=ann, workspace=space)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n- 2\n", "an object with format, name and steps"),
        ("name: [x\n", "not YAML: expected ',' or ']'"),
        ("a: &x 1\nb: *x\n", r"write the value at each place \(line 1, column 4\)"),
        ("format: 7\nsteps: []\n", "the file has the format 7; this release reads format 1"),
        ("format: true\nsteps: []\n", "the format true"),
        ("nodes: []\nconnections: {}\n", "it has connections, nodes, and no steps"),
    ],
)
def test_what_is_no_definition_is_refused_in_words(space, ann, text, says):
    with pytest.raises(JsonRefused, match=says):
        workflow_import(text=text, format="yaml", actor=ann, workspace=space)


@pytest.mark.django_db(transaction=True)
def test_of_two_saves_of_one_revision_one_wins(space, ann, workflow):
    outcomes = []

    def save(value):
        try:
            draft_save(workflow=workflow, definition=definition(value), revision=1, actor=ann)
            outcomes.append("saved")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=save, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["conflict"] * 3 + ["saved"]
    connection.close()
    assert Workflow.objects.get().revision == 2
