"""What people do about guardrails: try a text, report a false alarm, stop everything."""

import pytest
from django.utils import timezone

from tests.engine_harness import until, version_make, worker_running
from tests.views import factories
from workflows_app.models import AppEvent, Run, RunEvent, StepRun, Workspace
from workflows_app.services import guardrails
from workflows_app.services.start import run_start
from workflows_app.services.sweep import sweep_once

ROLES = ("viewer", "operator", "designer", "reviewer", "admin")


@pytest.fixture(autouse=True)
def _fresh():
    guardrails._installation.clear()


@pytest.fixture
def admin(workspace):
    return factories.user_make("ada", workspace, ROLES)


def stop(client, workspace, **fields):
    return client.post("/guardrails/stop/", {"workspace": workspace.slug, **fields}, follow=True)


def try_text(client, workspace, text):
    response = client.post(
        "/guardrails/try/",
        {"workspace": workspace.slug, "text": text},
        headers={"HX-Request": "true"},
    )
    return {one.check: one for one in response.context["tried"]}


def test_a_text_is_tried_with_the_checks_in_force_and_nothing_is_kept(client, owner, workspace):
    rails = [{"check": "patterns", "deny": ["secret"]}]
    Workspace.objects.filter(pk=workspace.pk).update(settings={"guardrails": rails})
    client.force_login(owner)

    told = try_text(client, workspace, "The secret goes to ann@example.com")
    calm = try_text(client, workspace, "Good morning")

    assert (told["patterns"].is_in_force, bool(told["patterns"].saw)) == (True, True)
    assert told["patterns"].on_trip == "block"
    assert told["personal_data"].is_in_force is False
    assert "ann@example.com" not in told["personal_data"].cleaned
    assert {one.saw for one in calm.values()} == {""}
    assert not AppEvent.objects.exists()


def test_a_false_alarm_is_counted_once(client, owner, workspace, run):
    trip = RunEvent.objects.create(
        run=run,
        sequence=900,
        at=timezone.now(),
        type="guardrail.tripped",
        path="a",
        data={"check": "patterns", "on_trip": "block"},
    )
    client.force_login(owner)
    address = f"/guardrails/trips/RUN-{run.number}/900/"

    before = client.get("/guardrails/").content.decode()
    for _ in range(2):
        client.post(address)

    page = client.get("/guardrails/")
    (row,) = page.context["spaces"][0]["rails"]
    (shown,) = page.context["spaces"][0]["trips"]
    assert address in before
    assert (row.check, row.false_alarms, shown.is_false) == ("patterns", 1, True)
    assert AppEvent.objects.get(type="guardrail.false_alarm").data["path"] == trip.path
    assert client.post(f"/guardrails/trips/RUN-{run.number}/901/").status_code == 404


def test_who_may_not_steer_stops_nothing_and_a_stranger_sees_nothing(
    client, viewer, owner, workspace
):
    client.force_login(viewer)
    assert stop(client, workspace, reason="Panic").status_code == 403
    client.force_login(factories.user_make("sam", factories.workspace_make("other"), ROLES))
    assert stop(client, workspace, reason="Panic").status_code == 404
    client.force_login(owner)
    stop(client, workspace, reason="  ")

    workspace.refresh_from_db()
    assert "stopped" not in workspace.settings
    assert not AppEvent.objects.filter(type="actions.stopped").exists()


def test_every_page_says_that_all_is_stopped_until_an_admin_lifts_it(
    client, owner, admin, workspace
):
    client.force_login(owner)

    stop(client, workspace, reason="A wrong <prompt>")
    told = client.get("/runs/").content.decode()
    refused = stop(client, workspace, act="resume")
    client.force_login(admin)
    lifted = stop(client, workspace, act="resume").content.decode()

    assert "All agent actions are stopped by" in told
    assert "A wrong &lt;prompt&gt;" in told
    assert refused.status_code == 403
    assert "All agent actions are stopped by" not in lifted
    record = AppEvent.objects.filter(type__startswith="actions.").order_by("pk")
    assert [(one.type, one.why) for one in record] == [
        ("actions.stopped", "A wrong <prompt>"),
        ("actions.resumed", ""),
    ]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_called_while_all_is_stopped_and_all_goes_on_afterwards(
    client, owner, admin, workspace
):
    Workspace.objects.filter(pk=workspace.pk).update(slug="test")
    version = version_make(
        [
            {"id": "first", "kind": "transform", "with": {"value": 1}},
            {"id": "tell", "kind": "publish", "with": {"type": "x.happened"}},
        ],
        edges=[{"from": "first", "to": "tell"}],
    )
    space = version.workflow.workspace
    client.force_login(admin)
    stop(client, space, reason="Wait")
    with worker_running():
        run, _ = run_start(
            workflow=version.workflow, version=version, input={}, user=admin,
            actor="user:ada", via="test",
        )  # fmt: skip
        until(lambda: StepRun.objects.filter(run=run, path="tell", state="waiting").exists())
        held = StepRun.objects.get(run=run, path="tell")
        stop(client, space, act="resume")
        guardrails._installation.clear()
        sweep_once()  # what was woken is due
        until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")

    assert (held.reason, held.waiting["stopped"]) == ("breaker", True)
    event = RunEvent.objects.filter(run=run, path="tell", why__contains="all agent actions").first()
    assert event.why == "all agent actions are stopped: Wait"
