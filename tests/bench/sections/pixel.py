"""From the commit of a step's end to the frame at a browser's socket."""

import json
import os
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.test import Client
from websockets.sync.client import ClientConnection, connect

from tests.bench.definitions import paused_then_nothing
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher

TIMES = 20
ENDED = "SELECT finished_at FROM workflows_app_steprun WHERE run_id = %s AND path = 'seen'"


def measure(rounds: int) -> list[Figure]:
    """Take the time of the transaction, which begins a little before its commit."""
    subject, watcher = Subject(paused_then_nothing()), Watcher()
    browser = Client()
    browser.force_login(subject.owner)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    values = [_once(subject, watcher, cookie) for _ in range(TIMES + 1)][1:]
    return [
        Figure(
            section="pixel",
            name="commit to socket frame",
            unit="ms",
            values=values,
            target=250,
        )
    ]


def _once(subject: Subject, watcher: Watcher, cookie: str) -> float:
    run_id = subject.start({})
    address = os.environ["BENCH_ADDRESS"]
    with connect(
        f"ws{address.removeprefix('http')}/ws/live/?topics=run:{run_id}",
        origin=address,
        additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"},
    ) as socket:
        seen_at = _seen(socket)
    return (seen_at - _ended_at(watcher, run_id)).total_seconds() * 1000


def _seen(socket: ClientConnection) -> datetime:
    while True:
        frame = json.loads(socket.recv(timeout=10))
        if any(path == "seen" and state == "succeeded" for path, state, _ in frame["steps"]):
            return datetime.now(UTC)


def _ended_at(watcher: Watcher, run_id: UUID) -> datetime:
    return watcher.rows(ENDED, run_id)[0][0]
