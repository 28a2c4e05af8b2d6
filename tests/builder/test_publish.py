"""Publishing with runs in flight: they finish on theirs, or what may goes on with the new one."""

from copy import deepcopy

import pytest

from tests.engine_harness import at_rest, until, worker_running
from tests.views import factories
from workflows_app.models import Group, Member, Run, StepRun
from workflows_app.services.definitions import draft_save, workflow_create, workflow_publish
from workflows_app.services.start import run_start

DRAFT = {
    "format": 1,
    "name": "Ask",
    "input": {},
    "steps": [
        {"id": "first", "kind": "transform", "with": {"value": 1}},
        {"id": "ask", "kind": "approval", "with": {"summary": "Go?", "assignees": ["group:desk"]}},
        {"id": "last", "kind": "transform", "with": {"value": "old"}},
    ],
    "edges": [{"from": "first", "to": "ask"}, {"from": "ask", "to": "last"}],
}


@pytest.fixture
def asking(workspace, owner):
    reviewer = factories.user_make("rita", workspace, ("reviewer",))
    group = Group.objects.create(workspace=workspace, name="desk")
    group.members.add(Member.objects.get(user=reviewer))
    made = workflow_create(
        name="Ask", slug="ask", definition=deepcopy(DRAFT), actor=owner, workspace=workspace
    )
    version, _ = workflow_publish(workflow=made, revision=1, actor=owner, note="First")
    with worker_running():
        run, _ = run_start(
            workflow=made, version=version, input={}, user=owner, actor="user:mira", via="test"
        )
        until(lambda: at_rest(run.pk))
    newer = deepcopy(DRAFT)
    newer["steps"][2]["with"]["value"] = "new"
    draft_save(workflow=made, definition=newer, revision=1, actor=owner)
    return made


def publish(client, **fields):
    data = {"revision": "2", "note": "Second", **fields}
    return client.post("/workflows/ask/publish/", data)


@pytest.mark.django_db(transaction=True)
def test_a_waiting_run_goes_on_with_the_new_version_and_keeps_its_starter(designer, asking, owner):
    page = designer.get("/workflows/ask/publish/").content.decode()

    publish(designer, runs="move")

    old, new = Run.objects.order_by("number")
    assert "1 run in flight" in page
    assert old.state in ("cancelling", "cancelled")
    assert (new.version.number, new.continued_from_id, new.started_by) == (2, old.pk, owner)
    kept = StepRun.objects.get(run=new, path="first")
    assert (kept.state, kept.output) == ("succeeded", 1)


@pytest.mark.django_db(transaction=True)
def test_runs_finish_on_their_own_version_unless_asked(designer, asking):
    publish(designer)

    run = Run.objects.get()
    assert (run.version.number, run.state) == (1, "waiting")


@pytest.mark.django_db(transaction=True)
def test_a_run_at_work_is_never_moved(designer, asking):
    StepRun.objects.filter(path="ask").update(reason="incident")

    publish(designer, runs="move")

    run = Run.objects.get()
    assert (run.version.number, run.state) == (1, "waiting")


@pytest.mark.django_db(transaction=True)
def test_a_publication_without_a_note_is_refused_and_the_note_is_asked_for(designer, asking):
    response = designer.post("/workflows/ask/publish/", {"revision": "2", "note": ""})

    assert response.status_code == 422
    assert "Say what changed" in response.content.decode()
    assert asking.versions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_dialog_is_a_part_of_the_page_and_publishing_leads_away(designer, asking):
    htmx = {"HX-Request": "true"}
    part = designer.get("/workflows/ask/publish/", headers=htmx).content.decode()
    refused = designer.post("/workflows/ask/publish/", {"revision": "2", "note": ""}, headers=htmx)
    done = designer.post(
        "/workflows/ask/publish/", {"revision": "2", "note": "Second"}, headers=htmx
    )

    assert "<html" not in part
    assert "Changes since v1" in part
    assert "1 run in flight" in part
    assert (refused.status_code, "Say what changed" in refused.content.decode()) == (422, True)
    assert (done.status_code, done["HX-Redirect"]) == (200, "/workflows/ask/")
    assert asking.versions.count() == 2


def test_each_problem_leads_to_its_step_and_offers_its_fix(designer, workspace, owner):
    broken = deepcopy(DRAFT)
    broken["steps"][2]["with"]["value"] = "=input.amount + 1"
    workflow_create(name="Ask", slug="ask", definition=broken, actor=owner, workspace=workspace)

    part = designer.get("/workflows/ask/publish/", headers={"HX-Request": "true"}).content.decode()
    page = designer.get("/workflows/ask/").content.decode()

    link = (
        'href="/workflows/ask/edit/?step=last" data-step="last" data-pointer="/steps/2/with/value"'
    )
    assert link in part
    assert link in page
    assert "Write 1.0" in part
    assert "Write 1.0" not in page
    assert "errors block publishing" in part
