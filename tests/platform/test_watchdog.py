"""The worker's watchdog: it retires a process that no longer does its work."""

import os
import signal
from types import SimpleNamespace

import pytest

from project.roles import worker as worker_module
from project.roles.worker import RETIRED, WorkerRole


class Left(Exception):
    """The process would have ended here."""


@pytest.fixture
def role(monkeypatch):
    made = WorkerRole("1", with_scheduler=False)
    made.signals = []
    made.overdue = False
    worker = SimpleNamespace(is_overdue=lambda seconds: made.overdue)
    monkeypatch.setattr(worker_module, "worker_current", lambda: worker)
    monkeypatch.setattr(made.probe, "send", lambda: None)
    monkeypatch.setattr(made.stop, "wait", lambda seconds: made.stop.is_set())
    monkeypatch.setattr(worker_module, "Event", lambda: SimpleNamespace(wait=lambda seconds: None))
    monkeypatch.setattr(os, "kill", lambda pid, number: made.signals.append(number))
    monkeypatch.setattr(os, "_exit", leave)
    return made


def leave(code: int) -> None:
    raise Left(code)


def test_a_step_that_never_ends_retires_the_process(role):
    role.overdue = True

    with pytest.raises(Left, match=str(RETIRED)):
        role._watch()

    assert role.signals == [signal.SIGTERM]
    assert role.code == RETIRED


def test_a_worker_that_receives_nothing_retires(role, monkeypatch):
    monkeypatch.setattr(role.probe, "is_lost", lambda: True)

    with pytest.raises(Left, match=str(RETIRED)):
        role._watch()

    assert role.signals == [signal.SIGTERM]


def test_a_worker_that_does_its_work_goes_on_until_it_is_told_to_stop(role, monkeypatch):
    looks = []
    monkeypatch.setattr(
        role.probe, "is_lost", lambda: looks.append(1) or (len(looks) == 3 and role.stop.set())
    )

    role._watch()

    assert role.signals == []
    assert len(looks) == 3
