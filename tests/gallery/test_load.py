"""Bringing the gallery into a workspace, once and again."""

import pytest

from workflows_app.core.definition import definition_digest
from workflows_app.gallery.catalog import groups_named, sample_get, samples
from workflows_app.gallery.load import AUTHOR, gallery_load
from workflows_app.models import Group, User, Workflow, WorkflowVersion
from workflows_app.services.definitions import draft_save
from workflows_app.services.people import person_create, workspace_default

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    workspace = workspace_default()
    person_create(username="owner", workspace=workspace, roles=["admin", "reviewer"])
    person_create(username="reviewer", workspace=workspace, roles=["reviewer"])
    person_create(username="reader", workspace=workspace, roles=["viewer"])
    return workspace


def test_every_sample_becomes_a_published_version(people):
    changed = gallery_load(workspace=people)

    versions = WorkflowVersion.objects.filter(number=1, workflow__is_gallery=True)
    assert changed == len(samples())
    assert {version.workflow.slug: version.digest for version in versions} == {
        sample.slug: definition_digest(sample.definition) for sample in samples()
    }


def test_a_second_load_changes_nothing(people):
    gallery_load(workspace=people)

    assert gallery_load(workspace=people) == 0
    assert WorkflowVersion.objects.count() == len(samples())


def test_groups_that_gates_ask_are_filled_with_those_who_review(people):
    gallery_load(workspace=people)

    for name in groups_named():
        members = Group.objects.get(workspace=people, name=name).members
        assert {m.user.username for m in members.all()} == {"owner", "reviewer"}


def test_a_group_that_has_members_keeps_them(people):
    person_create(username="reader", workspace=people, roles=["viewer"], groups=["reviewers"])

    gallery_load(workspace=people)

    members = Group.objects.get(workspace=people, name="reviewers").members.all()
    assert [member.user.username for member in members] == ["reader"]


def test_nobody_can_sign_in_as_the_author(people):
    gallery_load(workspace=people)

    author = User.objects.get(username=AUTHOR)
    assert not author.is_active
    assert not author.has_usable_password()
    assert not author.memberships.exists()


def test_a_new_release_updates_a_sample_that_nobody_edited(people):
    gallery_load(workspace=people)
    workflow = Workflow.objects.get(slug="refund")
    author = User.objects.get(username=AUTHOR)
    draft_save(
        workflow=workflow,
        definition={**workflow.draft, "name": "An older release"},
        revision=workflow.revision,
        actor=author,
    )

    assert gallery_load(workspace=people) == 0  # the draft is what the newest version says again
    assert Workflow.objects.get(slug="refund").draft == sample_get("refund").definition


def test_a_sample_that_a_person_edited_stays_theirs(people):
    gallery_load(workspace=people)
    workflow = Workflow.objects.get(slug="refund")
    mine = {**workflow.draft, "name": "Our refunds"}
    owner = User.objects.get(username="owner")
    draft_save(workflow=workflow, definition=mine, revision=workflow.revision, actor=owner)

    assert gallery_load(workspace=people) == 0
    assert Workflow.objects.get(slug="refund").draft == mine


def test_a_workflow_of_the_same_name_is_never_taken_over(people):
    owner = User.objects.get(username="owner")
    own = Workflow.objects.create(
        workspace=people, slug="refund", name="Ours", draft={"format": 1}, created_by=owner
    )

    gallery_load(workspace=people)

    own.refresh_from_db()
    assert (own.draft, own.is_gallery) == ({"format": 1}, False)
