"""Steering a run from its page."""

import pytest

from tests.views import factories
from workflows_app.models import Run, RunEvent


def post(client, run, action, **data):
    return client.post(f"/runs/RUN-{run.number}/{action}/", data)


def test_pause_and_resume(client, owner, run):
    client.force_login(owner)

    paused = post(client, run, "pause")
    run.refresh_from_db()
    state = run.state
    resumed = post(client, run, "resume")
    run.refresh_from_db()

    assert (paused.status_code, resumed.status_code) == (302, 302)
    assert (state, run.state) == ("paused", "waiting")
    assert RunEvent.objects.filter(run=run, actor="user:mira").count() == 2


def test_cancel_wants_a_reason_and_keeps_the_run(client, owner, run):
    client.force_login(owner)

    response = post(client, run, "cancel")

    run.refresh_from_db()
    assert response.status_code == 422
    assert "Say why" in response.content.decode()
    assert run.state == "running"


def test_what_the_state_forbids_is_409_and_shows_the_newer_state(client, owner, version):
    run = factories.run_make(version, "succeeded")
    client.force_login(owner)

    response = post(client, run, "pause")

    assert response.status_code == 409
    assert "Succeeded" in response.content.decode()


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_others_change_nothing(client, request, run, who):
    client.force_login(request.getfixturevalue(who))

    response = post(client, run, "pause")

    run.refresh_from_db()
    assert response.status_code == (403 if who == "viewer" else 404)
    assert run.state == "running"


def test_a_viewer_sees_no_controls(client, viewer, run):
    client.force_login(viewer)

    body = client.get(f"/runs/RUN-{run.number}/").content.decode()

    assert "/pause/" not in body
    assert "/cancel/" not in body


def test_get_never_steers(client, owner, run):
    client.force_login(owner)

    response = client.get(f"/runs/RUN-{run.number}/pause/")

    assert response.status_code == 405
    assert Run.objects.get(pk=run.pk).state == "running"


def test_skip_reads_its_output_strictly(client, owner, version):
    run = factories.run_make(version, "waiting")
    factories.step_make(run, "draft", "waiting", reason="incident")
    client.force_login(owner)

    response = post(client, run, "skip", path="draft", output="{nonsense")

    assert response.status_code == 422
    assert "{nonsense" in response.content.decode()


MACHINE = {
    "format": 1,
    "name": "Order",
    "steps": [
        {
            "id": "order",
            "kind": "state_machine",
            "with": {
                "initial": "new",
                "states": {"new": {}, "paid": {"terminal": True}},
                "transitions": [{"trigger": "pay", "from": "new", "to": "paid"}],
            },
        }
    ],
    "edges": [],
}


@pytest.fixture
def order(workspace, owner):
    from workflows_app.services.definitions import workflow_create, workflow_publish

    made = workflow_create(name="Order", definition=MACHINE, actor=owner, workspace=workspace)
    version, _ = workflow_publish(workflow=made, revision=made.revision, actor=owner, note="")
    return version


def test_retry_with_the_newest_version_is_a_new_run(client, owner, order):
    from workflows_app.services.definitions import draft_save, workflow_publish

    workflow = order.workflow
    draft_save(workflow=workflow, definition={**MACHINE, "output": 1}, revision=1, actor=owner)
    workflow_publish(workflow=workflow, revision=2, actor=owner, note="")
    run = factories.run_make(order, "failed", error={"code": "x", "path": "order"})
    factories.step_make(run, "order", "failed", kind="state_machine")
    client.force_login(owner)

    shown = client.get(f"/runs/RUN-{run.number}/").content.decode()
    response = post(client, run, "retry", path="order", version="2")

    newer = Run.objects.exclude(pk=run.pk).get()
    assert "As a new run of v2" in shown
    assert response["Location"].startswith(f"/runs/RUN-{newer.number}/")
    assert newer.continued_from == run


def test_a_trigger_that_does_not_fit_is_409(client, owner, order):
    run = factories.run_make(order)
    client.force_login(owner)
    factories.step_make(
        run,
        "order",
        "running",
        kind="state_machine",
        is_container=True,
        progress={"state": "new", "visits": {"new": 1}},
    )

    shown = client.get(f"/runs/RUN-{run.number}/?step=order").content.decode()
    response = post(client, run, "trigger", path="order", trigger="ship")

    assert 'value="pay"' in shown
    assert response.status_code == 409
