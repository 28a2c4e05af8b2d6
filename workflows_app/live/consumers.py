"""The socket that tells a browser what changed; what it may see, it then asks for by HTTP."""

import asyncio
import contextlib
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from workflows_app.live.relay import Relay, Subscription, relay_of_process
from workflows_app.live.snapshot import run_steps
from workflows_app.models import Run, Workflow
from workflows_app.selectors.people import workspace_ids_of

FRAME_SPACING = 0.1  # seconds between two frames of one topic
MOST_TOPICS = 20
LISTS = frozenset({"runs", "inbox", "events"})
NOT_SIGNED_IN, NOT_FOUND, WRONG_ORIGIN = 4401, 4404, 4403


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a socket asks for; `after` is the newest sequence that the page already has."""

    topics: frozenset[str]
    run_ids: frozenset[UUID]
    draft_ids: frozenset[UUID]
    after: int | None


def wanted_of(query: bytes) -> Wanted | None:
    """Read `topics=run:<id>,draft:<id>,inbox,runs,events&after=<sequence>`; None for nonsense.

    The sequence of a run is that of its history, the one of a workflow's draft its revision.
    """
    values = parse_qs(query.decode("latin-1"))
    topics = {topic for text in values.get("topics", []) for topic in text.split(",") if topic}
    named: dict[str, set[UUID]] = {"run": set(), "draft": set()}
    for topic in topics - LISTS:
        kind, _, identifier = topic.partition(":")
        try:
            named[kind].add(UUID(identifier))
        except (KeyError, ValueError):
            return None
    if not topics or len(topics) > MOST_TOPICS:
        return None
    after = values.get("after", [""])[-1]
    written = {f"{kind}:{one}" for kind, ids in named.items() for one in ids} | (topics & LISTS)
    return Wanted(
        topics=frozenset(written),
        run_ids=frozenset(named["run"]),
        draft_ids=frozenset(named["draft"]),
        after=int(after) if _is_sequence(after) else None,
    )


def _is_sequence(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def origin_fits(scope: dict[str, Any]) -> bool:
    """Say whether the page that opened the socket is one of ours, down to the port."""
    headers = dict(scope.get("headers", []))
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    is_same = bool(origin) and urlsplit(origin).netloc == host
    return is_same or origin in settings.CSRF_TRUSTED_ORIGINS


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """Send frames `{"topic", "sequence", "steps": [[path, state, ms], ...]}`; take nothing.

    In place of a path, `runs` has the id of a run and `inbox` the reference of a request.
    """

    subscription: Subscription | None = None
    sender: asyncio.Task[None] | None = None
    relay: Relay

    async def connect(self) -> None:
        """Check who asks and for what, then send where everything stands."""
        wanted = wanted_of(self.scope["query_string"])
        user = self.scope.get("user")
        if not origin_fits(self.scope):
            return await self._refuse(WRONG_ORIGIN)
        if user is None or not user.is_authenticated or not user.is_active:
            return await self._refuse(NOT_SIGNED_IN)
        workspaces = await database_sync_to_async(workspace_ids_of)(user)
        known = await database_sync_to_async(seen)(wanted, workspaces) if wanted else None
        if wanted is None or known is None:
            return await self._refuse(NOT_FOUND)
        self.subscription = Subscription(wanted.topics, workspaces, user.pk)
        self.relay = relay_of_process()
        await self.relay.subscribe(self.subscription, after=known)
        await self.accept()  # whoever sees it open misses nothing from then on
        await self._begin(wanted, known)
        self.sender = asyncio.create_task(self._send(self.subscription))
        return None

    async def _refuse(self, code: int) -> None:
        """Accept first: a browser is told the code only of a socket that was open."""
        await self.accept()
        await self.close(code=code)

    async def _begin(self, wanted: Wanted, known: dict[UUID, int]) -> None:
        """Send a first frame of each topic, so that nothing falls between page and socket."""
        for workflow_id in wanted.draft_ids:
            frame = {"topic": f"draft:{workflow_id}", "sequence": known[workflow_id], "steps": []}
            await self.send_json(frame)
        for run_id in wanted.run_ids:
            sequence = known[run_id]
            steps = await database_sync_to_async(run_steps)(run_id, wanted.after)
            await self.send_json({"topic": f"run:{run_id}", "sequence": sequence, "steps": steps})
        for topic in sorted(wanted.topics & LISTS):
            await self.send_json({"topic": topic, "sequence": 0, "steps": []})

    async def _send(self, subscription: Subscription) -> None:
        """Send what is pending, each topic at most ten times a second."""
        due: dict[str, float] = {}
        while True:
            await subscription.woken.wait()
            subscription.woken.clear()
            for topic in list(subscription.pending):
                if (wait := due.get(topic, 0.0) - monotonic()) > 0:
                    await asyncio.sleep(wait)
                frame = subscription.take(topic)
                if frame is not None:
                    due[topic] = monotonic() + FRAME_SPACING
                    await self.send_json(frame)

    async def disconnect(self, code: int) -> None:
        """Leave the relay; the last socket ends its connection."""
        if self.sender is not None:
            self.sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self.sender
        if self.subscription is not None:
            await self.relay.unsubscribe(self.subscription)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take no commands: what a socket says is ignored."""


def seen(wanted: Wanted, workspaces: frozenset[UUID]) -> dict[UUID, int] | None:
    """Give the newest sequence of each run and draft, or None if one may not be seen."""
    runs = Run.objects.filter(pk__in=wanted.run_ids, workspace_id__in=workspaces)
    drafts = Workflow.objects.filter(pk__in=wanted.draft_ids, workspace_id__in=workspaces)
    known = {
        **dict(runs.values_list("pk", "sequence")),
        **(dict(drafts.values_list("pk", "revision")) if wanted.draft_ids else {}),
    }
    return known if len(known) == len(wanted.run_ids | wanted.draft_ids) else None
