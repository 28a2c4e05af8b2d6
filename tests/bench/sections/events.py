"""Events, triggers and schedules: how soon each does what it is for, and that none is lost."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from django.db import connection
from django.db.models.functions import Now

from tests.bench.definitions import waiting
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher, milliseconds
from workflows_app.models import Event, TriggerFiring, WorkflowTrigger
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.triggers import trigger_fire

JSON = Any
WAITS, AT_ONCE = 10_000, 1000
WARM, TIMES = 5, 50
SECONDS, SENDERS = 10.0, 16
BATCH = 100
SCHEDULES = 5
ARRIVED = "SELECT count(*) = %s FROM workflows_app_run WHERE workflow_id = %s AND state = 'waiting'"
STANDS = (
    "SELECT coalesce(bool_and(state = 'waiting'), false) FROM workflows_app_steprun"
    " WHERE run_id = %s AND path = 'm'"
)
MACHINE = {
    "initial": "on",
    "states": {"on": {}, "off": {}, "over": {"terminal": True}},
    "transitions": [
        {"trigger": "flip", "from": "on", "to": "off"},
        {"trigger": "flip", "from": "off", "to": "on"},
        {"trigger": "end", "from": "on", "to": "over"},
    ],
}


def measure(rounds: int) -> list[Figure]:
    """Measure each, the events with the waits of the one before still open."""
    return [_triggers(), _reached(), *_accepted(1), *_accepted(BATCH), *_schedules()]


def _figure(name: str, unit: str, values: list[float], **more: Any) -> Figure:
    return Figure(section="events", name=name, unit=unit, values=values, **more)


def _document(name: str, steps: list[JSON], **more: JSON) -> JSON:
    return {"format": 1, "name": name, "steps": steps, "edges": [], **more}


def _triggers() -> Figure:
    """Fire a trigger back and forth; the new state is committed when the call comes back."""
    step = {"id": "m", "kind": "state_machine", "with": MACHINE}
    subject, watcher = Subject(_document("Bench machine", [step])), Watcher()
    run = subject.start({})
    watcher.wait_for(STANDS, run)

    def flip() -> None:
        trigger_fire(run_id=run, path="m", trigger="flip", data=None, actor="user:owner")

    values = [milliseconds(flip) for _ in range(WARM + TIMES)][WARM:]
    return _figure("a trigger to its new state", "ms", values, target=8)


def _reached() -> Figure:
    """Send events with ten thousand waits open, each for one of them."""
    subject, watcher = Subject(waiting()), Watcher()
    runs = []
    for first in range(0, WAITS, AT_ONCE):
        keys = [{"key": str(number)} for number in range(first, first + AT_ONCE)]
        runs += subject.start_all(keys)
    watcher.wait_for(ARRIVED, WAITS, subject.workflow.pk)

    def send(number: int) -> None:
        event = Incoming(
            id=f"reached-{number}",
            source="/bench",
            type="bench.never",
            subject=str(number),
            data=None,
        )
        event_receive(workspace=workspace_default(), event=event, actor="user:owner", via="bench")
        watcher.run_seen(runs[number])

    values = [milliseconds(lambda number=number: send(number)) for number in range(WARM + TIMES)]
    return _figure(
        "an event to the end of its run, 10,000 waits open", "ms", values[WARM:], target=15
    )


def _accepted(size: int) -> list[Figure]:
    """Send as many events as are taken for ten seconds, and count what is stored.

    The waits of `_reached` are still open: each event is looked up among them.
    """
    address, numbers = urlsplit(os.environ["BENCH_ADDRESS"]), count()
    source = f"/bench/by-{size}"
    taken: list[str] = []
    until = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=_send, args=(address.netloc, source, size, numbers, taken, until))
        for _ in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = set(Event.objects.filter(source=source).values_list("event_id", flat=True))
    named = "one call each" if size == 1 else f"{size} in a call"
    wrong = float(len(set(taken) - stored) + len(taken) - len(set(taken)))
    rate = len(taken) / SECONDS
    return [
        _figure(f"events accepted, {named}", "/s", [rate], target=1000, is_rate=True),
        _figure(f"events accepted and not stored once, {named}", "lost", [wrong], target=0),
    ]


def _send(
    address: str, source: str, size: int, numbers: Iterator[int], taken: list[str], until: float
) -> None:
    with _line(address) as post:
        while time.monotonic() < until:
            events = [_event(source, next(numbers)) for _ in range(size)]
            answer = post(events if size > 1 else events[0])
            outcomes = answer.get("items") or [answer]
            taken.extend(
                event["id"]
                for event, outcome in zip(events, outcomes, strict=True)
                if outcome["duplicate"] is False
            )


def _event(source: str, number: int) -> JSON:
    return {
        "specversion": "1.0",
        "id": f"many-{number}",
        "source": source,
        "type": "bench.counted",
        "subject": f"counted-{number}",
        "data": {"n": number},
    }


@contextmanager
def _line(address: str) -> Iterator[Any]:
    line = HTTPConnection(address, timeout=30)

    def post(given: JSON) -> JSON:
        kind = "cloudevents-batch+json" if isinstance(given, list) else "cloudevents+json"
        headers = {
            "Authorization": f"Bearer {os.environ['BENCH_TOKEN']}",
            "Content-Type": f"application/{kind}",
        }
        line.request("POST", "/api/v1/events", json.dumps(given), headers)
        answer = line.getresponse()
        body = answer.read()
        assert answer.status == 202, body
        return json.loads(body)

    try:
        yield post
    finally:
        line.close()


def _schedules() -> list[Figure]:
    """Set schedules to a time that is near, and see when and how often each fires."""
    step = {"id": "a", "kind": "transform", "with": {"value": 1}}
    line = {"schedule": "0 0 1 1 *", "zone": "UTC"}
    document = _document("Bench schedule", [step], triggers=[line])
    subjects = [Subject(document) for _ in range(SCHEDULES)]
    triggers = WorkflowTrigger.objects.filter(workflow__in=[one.workflow for one in subjects])
    for place, trigger in enumerate(triggers):
        later = timedelta(seconds=3, milliseconds=170 * place)
        WorkflowTrigger.objects.filter(pk=trigger.pk).update(next_at=Now() + later)
    firings = TriggerFiring.objects.filter(trigger__in=list(triggers))
    nobody, deadline = threading.Event(), time.monotonic() + 60
    while firings.count() < SCHEDULES and time.monotonic() < deadline:
        nobody.wait(0.05)
    nobody.wait(2.5)  # two more passes of every scheduler: one that fired twice would show
    found = list(firings.values_list("created_at", "fire_at"))
    connection.close()
    late = [(created - fire).total_seconds() for created, fire in found if fire is not None]
    return [
        _figure("a schedule after its time", "s", late, target=1.1),
        _figure("firings beside the first", "more", [float(len(found) - SCHEDULES)], target=0),
    ]
