"""One relay in each web process: it reads what was committed and tells the sockets of its own.

A NOTIFY on the channel `countersign` only wakes it: its payload is a JSON list of ids of runs,
and of workflows whose draft was saved, or the word "look". What changed is read from the
database, by each run's own sequence and each draft's revision, so a lost notification costs at
most one second and a repeated one nothing.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings

from workflows_app.live.inbox import InboxChange, InboxReader, inbox_readers
from workflows_app.live.reading import LiveReader, RunState, StepFrame

logger = logging.getLogger(__name__)
CHANNEL = "countersign"
SAFETY_POLL = 1.0  # seconds
RECONNECT = (0.2, 5.0)  # seconds: first wait and longest
PATHS_PENDING = 500  # of one topic; beyond it the socket is told to read again
# Milliseconds over which the pages that heard the same change spread their questions, for each
# of them: what a fragment costs, twice over. One page alone asks at once.
SPREAD_EACH = 50
SPREAD_MOST = 20_000


@dataclass(eq=False)
class Subscription:
    """What one socket wants to hear, and what it has not been told yet.

    Steps are kept by path, so a slow reader is given the newest state of each, not each change.
    """

    topics: frozenset[str]
    workspaces: frozenset[UUID]
    person: int | None = None
    pending: dict[str, "Pending"] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def runs(self) -> frozenset[UUID]:
        return frozenset(UUID(topic[4:]) for topic in self.topics if topic.startswith("run:"))

    @property
    def drafts(self) -> frozenset[UUID]:
        return frozenset(UUID(topic[6:]) for topic in self.topics if topic.startswith("draft:"))

    def put(
        self,
        topic: str,
        sequence: int,
        steps: Iterable[StepFrame],
        *,
        spread: int = 0,
        is_cut: bool = False,
    ) -> None:
        """Keep a change for the socket and wake it."""
        waiting = self.pending.setdefault(topic, Pending())
        waiting.sequence = max(waiting.sequence, sequence)
        waiting.spread = max(waiting.spread, spread)
        waiting.is_cut = waiting.is_cut or is_cut
        for step in steps:
            waiting.steps[step[0]] = step
        if len(waiting.steps) > PATHS_PENDING:
            waiting.steps.clear()
            waiting.is_cut = True
        self.woken.set()

    def take(self, topic: str) -> dict[str, Any] | None:
        """Give the frame of a topic, or None when nothing of it is new."""
        waiting = self.pending.pop(topic, None)
        if waiting is None:
            return None
        frame = {
            "topic": topic,
            "sequence": waiting.sequence,
            "steps": [list(step) for step in waiting.steps.values()],
        }
        if waiting.spread:
            frame["spread"] = waiting.spread
        return {**frame, "resync": True} if waiting.is_cut else frame


@dataclass
class Pending:
    """The untold part of one topic; `is_cut` says that it was too much to keep.

    Over `spread` milliseconds the pages that are told the same ask for what they show.
    """

    sequence: int = 0
    spread: int = 0
    steps: dict[str, StepFrame] = field(default_factory=dict)
    is_cut: bool = False


class Relay:
    """Listen while somebody subscribes; stop when nobody does."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._subscriptions: set[Subscription] = set()
        self._cursors: dict[UUID, int] = {}
        self._inboxes: list[InboxReader] = []
        self._lists_told = 0  # numbers the frames of `runs`, `inbox` and `events`
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def subscribe(self, subscription: Subscription, *, after: dict[UUID, int]) -> None:
        """Begin to tell a socket of changes after the sequences that it already has."""
        self._subscriptions.add(subscription)
        for run_id, sequence in after.items():
            self._cursors[run_id] = min(sequence, self._cursors.get(run_id, sequence))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen(), name="live relay")

    async def listening(self) -> None:
        """Wait until the relay has begun to listen."""
        await self._ready.wait()

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Stop telling a socket; the last one ends the connection to the database."""
        self._subscriptions.discard(subscription)
        watched = self._watched()
        self._cursors = {key: value for key, value in self._cursors.items() if key in watched}
        if not self._subscriptions and self._task is not None:
            task, self._task = self._task, None
            self._ready.clear()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _watched(self) -> frozenset[UUID]:
        return frozenset[UUID]().union(*(one.runs | one.drafts for one in self._subscriptions))

    def _wanted(self, topic: str) -> list[Subscription]:
        return [one for one in self._subscriptions if topic in one.topics]

    async def _listen(self) -> None:
        wait = RECONNECT[0]
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    wait = RECONNECT[0]
                    await self._follow(connection)
            except (psycopg.Error, OSError) as error:
                logger.warning("the live relay lost its connection: %s", error)
                self._ready.clear()
                await asyncio.sleep(wait)
                wait = min(wait * 2, RECONNECT[1])

    async def _follow(self, connection: psycopg.AsyncConnection[Any]) -> None:
        reader = LiveReader(connection)
        self._inboxes = inbox_readers()
        await reader.list_mark_moved()
        await reader.event_spaces()
        await self._tell(reader, None)
        self._ready.set()
        looked_at = monotonic()
        while True:
            payloads = [
                notice.payload
                async for notice in connection.notifies(timeout=SAFETY_POLL, stop_after=1)
            ]
            dirty = run_ids_of(payloads) if payloads else None
            if monotonic() - looked_at > SAFETY_POLL:
                dirty = None  # however busy the channel is: one notification may have been lost
            if dirty is None:
                looked_at = monotonic()
            await self._tell(reader, dirty)

    async def _tell(self, reader: LiveReader, dirty: set[UUID] | None) -> None:
        """Read what changed and hand it to the sockets; `dirty` None means look at everything."""
        runs = frozenset[UUID]().union(*(one.runs for one in self._subscriptions))
        drafts = self._watched() - runs
        if wanted := runs if dirty is None else runs & dirty:
            await self._tell_runs(reader, wanted)
        if self._wanted("events"):
            self._tell_events(await reader.event_spaces())
        if wanted := drafts if dirty is None else drafts & dirty:
            await self._tell_drafts(reader, wanted)
        if not (self._wanted("runs") or self._wanted("inbox")):
            return
        moved = await reader.list_mark_moved()
        changed = dirty if dirty or not moved else await reader.runs_lately()
        if changed:
            self._lists_told += 1
            await self._tell_inboxes(reader, changed)
            if self._wanted("runs"):
                self._tell_lists(await reader.runs(changed))

    def _tell_events(self, workspaces: set[UUID]) -> None:
        self._lists_told += bool(workspaces)
        for subscription in self._wanted("events"):
            if subscription.workspaces & workspaces:
                subscription.put("events", self._lists_told, [])

    async def _tell_runs(self, reader: LiveReader, run_ids: Iterable[UUID]) -> None:
        known = {run_id: self._cursors.get(run_id, 0) for run_id in run_ids}
        for change in await reader.changes(known):
            self._cursors[change.run_id] = max(change.sequence, self._cursors.get(change.run_id, 0))
            topic = f"run:{change.run_id}"
            for subscription in self._subscriptions:
                if topic in subscription.topics:
                    subscription.put(topic, change.sequence, change.steps)

    async def _tell_drafts(self, reader: LiveReader, workflow_ids: Iterable[UUID]) -> None:
        for workflow_id, revision in await reader.revisions(workflow_ids):
            if revision <= self._cursors.get(workflow_id, 0):
                continue
            self._cursors[workflow_id] = revision
            for subscription in self._wanted(f"draft:{workflow_id}"):
                subscription.put(f"draft:{workflow_id}", revision, [])

    def _tell_lists(self, states: list[RunState]) -> None:
        for subscription in self._wanted("runs"):
            seen = [one for one in states if one.workspace_id in subscription.workspaces]
            if seen:
                steps = [(str(one.run_id), one.state, one.milliseconds) for one in seen]
                subscription.put("runs", self._lists_told, steps)

    async def _tell_inboxes(self, reader: LiveReader, run_ids: set[UUID]) -> None:
        """Tell those whom a request concerns, and nobody else, that it changed."""
        listeners = self._wanted("inbox")
        for read in self._inboxes if listeners else ():
            news = await read(reader.connection, run_ids)
            told = [(one, _concerning(one, news.changes)) for one in listeners]
            reached = [(one, steps) for one, steps in told if steps or news.is_cut]
            spread = min(SPREAD_EACH * (len(reached) - 1), SPREAD_MOST)
            for one, steps in reached:
                one.put("inbox", self._lists_told, steps, spread=spread, is_cut=news.is_cut)


def _concerning(listener: Subscription, changes: list[InboxChange]) -> list[StepFrame]:
    return [change.frame for change in changes if listener.person in change.people]


def run_ids_of(payloads: list[str]) -> set[UUID] | None:
    """Give the runs that notifications name, or None when one of them only says "look"."""
    run_ids: set[UUID] = set()
    for payload in payloads:
        try:
            run_ids.update(UUID(one) for one in json.loads(payload))
        except (ValueError, TypeError, AttributeError):
            return None
    return run_ids


_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()


def relay_of_process() -> Relay:
    """Give the relay of the running event loop; a web process has one loop."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = Relay(settings.LISTEN_DSN)
    return _relays[loop]
