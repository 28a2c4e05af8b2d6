"""The probe: a worker that sends and receives nothing is lost, a broker that is away is not."""

import pytest

from project.roles import probe as probe_module
from project.roles.probe import PATIENCE, PERIOD, TASK, Probe


@pytest.fixture
def clock(monkeypatch):
    state = {"now": 1000.0}
    monkeypatch.setattr(probe_module.time, "monotonic", lambda: state["now"])
    return state


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(
        probe_module.app, "send_task", lambda name, **options: messages.append((name, options))
    )
    return messages


def test_a_message_goes_out_every_period(clock, sent):
    probe = Probe("mine")

    for _ in range(3):
        probe.send()
    clock["now"] += PERIOD
    probe.send()

    assert sent == [(TASK, {"queue": "mine", "retry": False, "expires": PATIENCE})] * 2


def test_a_worker_that_receives_nothing_is_lost(clock, sent):
    probe = Probe("mine")
    probe.send()

    clock["now"] += PATIENCE + 1

    assert probe.is_lost()
    probe.seen()
    assert not probe.is_lost()


def test_while_the_broker_is_away_nobody_is_lost(clock, monkeypatch):
    def refuse(*args, **options):
        raise ConnectionRefusedError

    monkeypatch.setattr(probe_module.app, "send_task", refuse)
    probe = Probe("mine")

    for _ in range(5):
        clock["now"] += PERIOD
        probe.send()

    assert not probe.is_lost()
