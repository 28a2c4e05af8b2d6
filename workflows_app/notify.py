"""The only way out of a service: wake a worker, tell the browsers. Nothing here may fail a caller.

Both are hints: rows hold the truth, and the sweeper and the relay's safety poll find what a
lost hint would have announced. Hints are gathered for a few milliseconds, because a NOTIFY for
each commit cost five to ten times the throughput, and a message for each run half of it.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, transaction

from workflows_app.bell import Bell

logger = logging.getLogger(__name__)
CHANNEL = "countersign"
GATHER = 0.01  # seconds between two notifications
FOLLOWS = 0.03  # seconds that a message comes after the bell
_PAYLOAD_RUNS = 150  # a NOTIFY payload holds 8,000 bytes

# A worker process sets this: work for its own slots needs no broker.
local_worker: Callable[[set[UUID]], None] | None = None


def runs_changed(run_ids: Iterable[UUID]) -> None:
    """Tell the browsers that these runs have new history, once the transaction has committed."""
    ids = set(run_ids)
    if ids:
        transaction.on_commit(lambda: _browsers.add(ids))


def draft_changed(workflow_id: UUID) -> None:
    """Tell the browsers that a draft has a new revision, once the transaction has committed."""
    transaction.on_commit(lambda: _browsers.add({workflow_id}))


def runs_ready(run_ids: Iterable[UUID]) -> None:
    """Wake a worker for these runs; call it after the commit that made their steps ready."""
    ids = set(run_ids)
    if not ids:
        return
    _wake(ids)  # the work first: whoever looks on sees what comes of it soon enough
    _browsers.add(ids)


def _wake(run_ids: set[UUID]) -> None:
    if local_worker is not None:
        local_worker(run_ids)
    elif _bell.ring_alone(run_ids):
        _followers.add(run_ids)
    else:
        _broker.add(run_ids)


def runs_offer(run_ids: Iterable[UUID]) -> None:
    """Wake other workers, through the broker, for steps that this process has no slot for."""
    _messages.add(set(run_ids))


def scope_touched(scope_id: UUID, run_id: UUID) -> None:
    """Let a worker handle a scope's inbox, once the transaction has committed."""
    transaction.on_commit(lambda: _wake({run_id}))


class _Gatherer:
    """Sends what was added, at once when idle and then at most every few milliseconds.

    With `after`, it never sends at once, but so many seconds later.
    """

    def __init__(
        self, name: str, send: Callable[[list[UUID]], None], *, after: float = 0.0
    ) -> None:
        self.name = name
        self.send = send
        self.after = after
        self._waiting: set[UUID] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, run_ids: set[UUID]) -> None:
        with self._condition:
            self._waiting |= run_ids
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, name=self.name, daemon=True)
                self._thread.start()
            self._condition.notify()

    def _loop(self) -> None:
        while True:
            with self._condition:
                while not self._waiting:
                    self._condition.wait()
            if self.after:
                time.sleep(self.after)
            with self._condition:
                batch, self._waiting = list(self._waiting), set()
            try:
                self.send(batch)
            except Exception as error:  # noqa: BLE001 - a hint may be lost, a caller may not be failed
                logger.warning("%s could not send a hint: %s", self.name, error)
            time.sleep(GATHER)


class _Browsers:
    """Announces changed runs on a connection of its own, which is made again when it is lost."""

    def __init__(self) -> None:
        self.connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Give the connection up; the next announcement makes another."""
        held, self.connection = self.connection, None
        if held is not None:
            held.close()

    def send(self, run_ids: list[UUID]) -> None:
        try:
            self._send(run_ids)
        except psycopg.OperationalError:  # a connection that was lost is noticed by its use
            self._send(run_ids)

    def _send(self, run_ids: list[UUID]) -> None:
        if self.connection is None:
            parameters = connection.get_connection_params()
            self.connection = psycopg.connect(**parameters, autocommit=True)
        try:
            for first in range(0, len(run_ids), _PAYLOAD_RUNS):
                batch = [str(run_id) for run_id in run_ids[first : first + _PAYLOAD_RUNS]]
                payload = json.dumps(batch, separators=(",", ":"))
                self.connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
        except BaseException:
            self.close()
            raise


def _send_hints(run_ids: list[UUID]) -> None:
    if _bell.ring(run_ids):
        _followers.add(set(run_ids))
    else:
        _send_broker(run_ids)


def _send_broker(run_ids: list[UUID]) -> None:
    from project.celery import app  # noqa: PLC0415

    for first in range(0, len(run_ids), 200):
        app.send_task(
            "workflows.runs_advance",
            args=[[str(run_id) for run_id in run_ids[first : first + 200]]],
            ignore_result=True,
            retry=False,
        )


_announcer = _Browsers()
_browsers = _Gatherer("notify-browsers", _announcer.send)
_bell = Bell()
_broker = _Gatherer("notify-broker", _send_hints)
_messages = _Gatherer("notify-messages", _send_broker)
_followers = _Gatherer("notify-followers", _send_broker, after=FOLLOWS)


def connection_close() -> None:
    """Hold no connection to the database any more, until there is something to announce."""
    _announcer.close()
