"""What is read by statements of our own is what the ORM would give."""

import pytest
from django.db.models import Model
from django.db.models.functions import Now

from tests.engine_harness import run_make, step, version_make
from workflows_app.errors import NotFound
from workflows_app.models import Member, Run, Scope, StepRun, Undo, User, Workspace
from workflows_app.selectors.definitions import version_newest, workflow_get
from workflows_app.selectors.people import principal_of_user
from workflows_app.selectors.runs import run_get, run_list, run_shape
from workflows_app.selectors.shown import workflow_started

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    return version_make([step("a")])


@pytest.fixture
def actor(version):
    user = User.objects.create(username="ada", preferences={"theme": "dark"})
    Member.objects.create(user=user, workspace=version.workflow.workspace, roles=["operator"])
    return principal_of_user(user)


def fields(instance: Model) -> dict[str, object]:
    """Give every column that is loaded."""
    return {
        field.attname: getattr(instance, field.attname)
        for field in instance._meta.concrete_fields
        if field.attname not in instance.get_deferred_fields()
    }


def with_incident(run: Run, *, kind: str = "root") -> None:
    StepRun.objects.filter(run=run).update(state="waiting", reason="incident")
    Scope.objects.filter(run_id=run.pk).update(kind=kind)


def ended(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(
        state="succeeded", finished_at=Now(), output={"n": [1e22, "ü"]}, degraded=[{"path": "a"}]
    )


def undoable(run: Run) -> None:
    ended(run)
    first = StepRun.objects.get(run=run)
    Undo.objects.create(
        run_id=run.pk, step_run=first, path="a", generation=0, spec={}, state="armed", ordinal=1
    )


@pytest.mark.parametrize(
    "make",
    [lambda run: None, with_incident, lambda run: with_incident(run, kind="undo"), ended, undoable],
)
def test_a_run_is_as_the_list_shows_it(version, actor, make):
    run = run_make(version, {"n": [1.0, None, "x"]})
    make(run)
    listed = run_list(actor=actor).get(pk=run.pk)
    for found in (run_get(actor=actor, run_id=run.pk), run_get(actor=actor, number=run.number)):
        assert run_shape(found) == run_shape(listed)
        assert fields(found) == fields(listed)
        for name in ("workflow", "version", "workspace"):
            assert fields(getattr(found, name)) == fields(getattr(listed, name))
        assert found.version.definition == version.definition


def test_nobody_else_sees_it(version, actor):
    run = run_make(version)
    Member.objects.all().delete()
    with pytest.raises(NotFound):
        run_get(actor=principal_of_user(actor.user), run_id=run.pk)


def test_a_workflow_comes_with_its_newest_version(version, actor):
    slug = version.workflow.slug
    found, newest = workflow_started(workspaces=actor.workspace_ids, slug=slug)
    known = workflow_get(slug=slug, actor=actor)
    assert fields(found) == {k: v for k, v in fields(known).items() if k != "draft"}
    assert found.draft == known.draft
    assert fields(found.workspace) == fields(known.workspace)
    assert newest == version_newest(workflow=known)
    assert newest.expanded == version.expanded
    assert workflow_started(workspaces=[], slug=slug) is None
    other = Workspace.objects.create(slug="other", name="Other")
    assert workflow_started(workspaces=[other.pk], slug=slug) is None


def test_a_workflow_that_was_never_published_has_no_version(version, actor):
    version.workflow.versions.update(number=None)
    slug = version.workflow.slug
    assert workflow_started(workspaces=actor.workspace_ids, slug=slug)[1] is None
