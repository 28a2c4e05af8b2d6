"""A state machine on the page of its run: where it stands, how it went, what may be fired."""

import pytest
from django.test import Client

from tests.engine_harness import run_make, until, version_make, worker_running
from tests.views import factories
from workflows_app.models import Member, Run, RunEvent, StepRun, User

pytestmark = pytest.mark.django_db(transaction=True)
MACHINE = {
    "initial": "open",
    "states": {"open": {}, "paid": {}, "shut": {"terminal": True}, "lost": {"terminal": True}},
    "transitions": [
        {"trigger": "pay", "from": "open", "to": "paid", "guard": "states.open.visits < 2.0"},
        {"trigger": "shut", "from": ["open", "paid"], "to": "shut"},
        {"trigger": "lose", "from": "paid", "to": "lost"},
    ],
}


@pytest.fixture
def machine():
    version = version_make([{"id": "m", "kind": "state_machine", "with": MACHINE}])
    with worker_running():
        run = run_make(version)
        until(lambda: StepRun.objects.filter(run=run, state="waiting").exists())
    return run


@pytest.fixture
def mira(machine):
    user = factories.user_make("mira")
    Member.objects.create(workspace=machine.workspace, user=user, roles=["viewer", "operator"])
    client = Client()
    client.force_login(User.objects.get(username="mira"))
    return client


def shown(client, run):
    return client.get(f"/runs/RUN-{run.number}/?step=m").content.decode()


def fire(client, run, trigger, **more):
    fields = {"path": "m", "trigger": trigger, **more}
    return client.post(f"/runs/RUN-{run.number}/trigger/", fields)


def test_the_page_offers_the_triggers_of_the_state_and_lists_all_transitions(mira, machine):
    body = shown(mira, machine)

    assert 'name="trigger" value="pay"' in body
    assert 'name="trigger" value="shut"' in body
    assert 'name="trigger" value="lose"' not in body
    assert "All transitions (4)" in body
    assert "states.open.visits &lt; 2.0" in body


def test_a_trigger_keeps_its_reason_data_and_guards_and_shows_on_the_way(mira, machine):
    fire(mira, machine, "pay", reason="they paid by card", data='{"amount": 12}')

    body = shown(mira, machine)
    event = RunEvent.objects.get(run=machine, type="state.changed", trigger="pay")

    assert (event.actor, event.why) == ("user:mira", "they paid by card")
    assert event.data["data"] == {"amount": 12}
    assert event.data["guards"][0]["result"] is True
    assert "they paid by card" in body
    assert "held" in body
    assert 'name="trigger" value="lose"' in body


def test_a_trigger_that_does_not_fit_is_refused_with_those_that_do(mira, machine):
    answer = fire(mira, machine, "lose", reason="too late")

    body = answer.content.decode()
    assert answer.status_code == 409
    assert "takes no trigger lose" in body
    assert "too late" in body
    assert not RunEvent.objects.filter(run=machine, trigger="lose").exists()


def test_an_ended_machine_shows_its_way_and_offers_nothing(mira, machine):
    with worker_running():
        fire(mira, machine, "shut")
        until(lambda: Run.objects.get(pk=machine.pk).finished_at is not None)

    body = shown(mira, machine)

    assert 'name="trigger"' not in body
    assert "It has ended" in body
    assert "Shut" in body


def test_who_may_not_steer_sees_the_way_without_buttons(machine):
    user = factories.user_make("vic")
    Member.objects.create(workspace=machine.workspace, user=user, roles=["viewer"])
    client = Client()
    client.force_login(user)

    body = shown(client, machine)

    assert 'name="trigger"' not in body
    assert "All transitions" in body
