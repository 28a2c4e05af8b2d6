"""Ten thousand pending requests: the inbox, its filters, a decision, and 200 open inboxes."""

import asyncio
import json
import os
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from websockets.asyncio.client import connect

from approvals_app.services.open import approvals_open
from tests.bench.definitions import gated
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher
from workflows_app.core.action import action_digest
from workflows_app.core.effects import RequestApproval
from workflows_app.identifiers import uuid7
from workflows_app.models import Run, Scope, StepRun, User
from workflows_app.services.history import events_append

PENDING, AT_ONCE = 10_000, 200
PAGES, DECISIONS, COMMITS, SOCKETS = 20, 20, 12, 200
KEPT = 2.0  # seconds
RISKS = ("low", "low", "low", "medium", "medium", "high")
EXAMINED = (
    "SELECT count(*) = 0 FROM approvals_app_approvalrequest"
    " WHERE state = 'pending' AND unusual IS NULL"
)
OPEN = (
    "SELECT number, digest FROM approvals_app_approvalrequest"
    " WHERE state = 'pending' AND risk = 'low' ORDER BY next_due_at DESC LIMIT %s"
)
DECIDED = "SELECT decided_at FROM approvals_app_approvalrequest WHERE number = %s"


def measure(rounds: int) -> list[Figure]:
    """Fill the inbox of one reviewer, then use it as their browser does."""
    call_command("create_user", name="reviewer", group=["bench"], role=["reviewer"])
    watcher = Watcher()
    _fill()
    browser = _Browser()
    inbox = [browser.get("/approvals/") for _ in range(PAGES)]
    filtered = [browser.get("/approvals/?risk=high&due=today&group=risk") for _ in range(PAGES)]
    fragment = [browser.fragment("/approvals/") for _ in range(PAGES)]
    common: dict[str, Any] = {"section": "approvals", "unit": "ms"}
    figures = [
        Figure(name="inbox page", values=inbox, target=300, **common),
        Figure(name="inbox page, filtered", values=filtered, target=300, **common),
        Figure(name="queue fragment, as a live page asks for it", values=fragment, **common),
    ]
    rows = watcher.rows(OPEN, DECISIONS + COMMITS)
    answers = [browser.decide(*row) for row in rows[:DECISIONS]]
    figures.append(Figure(name="decision to next item", values=answers, target=150, **common))
    pixels = asyncio.run(_commits(browser, watcher, rows[DECISIONS:][:COMMITS]))
    name = f"commit to pixel, {SOCKETS} open inboxes"
    last = f"all {SOCKETS} have the queue anew, spread"
    note = f"{pixels.refused} were refused"
    return [
        *figures,
        Figure(name=name, values=pixels.painted, target=250, at_p95=True, **common),
        Figure(
            name=last,
            values=pixels.fetched,
            note=note,
            **common,
        ),
    ]


def _fill() -> None:
    """Write runs that stopped at the gate, ask about each, and wait until all were examined."""
    subject, watcher = Subject(gated("group:bench")), Watcher()
    for first in range(0, PENDING, AT_ONCE):
        steps = _stopped(subject, AT_ONCE)
        with transaction.atomic():
            asked = approvals_open([_wish(step, first + n) for n, step in enumerate(steps)])
            events_append(asked.history)
    watcher.wait_for(EXAMINED)


def _stopped(subject: Subject, count: int) -> list[StepRun]:
    """Write runs as they stand when their gate is reached."""
    now = timezone.now()
    runs = [
        Run(
            workspace=subject.workflow.workspace,
            workflow=subject.workflow,
            version=subject.version,
            mode="live",
            state="waiting",
            started_by=subject.owner,
            started_at=now,
            input={},
        )
        for _ in range(count)
    ]
    Run.objects.bulk_create(runs)
    scopes = [Scope(run=run, kind="root") for run in runs]
    Scope.objects.bulk_create(scopes)
    steps = [
        StepRun(
            run=scope.run,
            scope=scope,
            step="issue",
            kind="tool",
            path="issue",
            state="waiting",
            reason="approval",
            effect="none",
            waiting={},
        )
        for scope in scopes
    ]
    return StepRun.objects.bulk_create(steps)


def _wish(step: StepRun, number: int) -> RequestApproval:
    """Give what the engine asks of the approvals for one of them."""
    amount, customer = float(10 + number % 90), f"cus_{number % 500}"
    action = {
        "kind": "tool",
        "tool": "bench.refund",
        "tool_version": "1",
        "schema": None,
        "arguments": {"amount": amount, "customer": customer},
        "target": None,
        "credentials": [],
        "run": str(step.run_id),
        "path": "issue",
        "generation": 0,
        "definition": step.run.version.digest,
        "lapses_at": None,
    }
    return RequestApproval(
        id=uuid7(),
        run_id=step.run_id,
        workspace_id=step.run.workspace_id,
        workflow_id=step.run.workflow_id,
        version_id=step.run.version_id,
        scope_id=step.scope_id,
        step_run_id=step.pk,
        path="issue",
        generation=0,
        reason="approval",
        action=action,
        digest=action_digest(action),
        settings={
            "summary": f"Refund {amount} to {customer}",
            "assignees": ["group:bench"],
            "risk": RISKS[number % len(RISKS)],
            "deadline": f"{30 + number % 3000}m",
            "confidence": 0.9,
        },
        why="every time",
        mode="live",
        now=timezone.now(),
    )


class _Browser:
    """A reviewer's session, over one kept connection."""

    def __init__(self) -> None:

        signed_in = Client()
        signed_in.force_login(User.objects.get(username="reviewer"))
        self.session = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
        self.address = os.environ["BENCH_ADDRESS"]
        self.cookies = {settings.SESSION_COOKIE_NAME: self.session}
        self.client = httpx.Client(base_url=self.address, cookies=self.cookies, timeout=60)
        self.get("/approvals/")

    def get(self, path: str, **headers: str) -> float:
        """Give the milliseconds of a whole page."""
        began = time.perf_counter()
        answer = self.client.get(path, headers=headers)
        took = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, answer.text[:500]
        assert "APR-" in answer.text
        return took

    def fragment(self, path: str) -> float:
        """Give the milliseconds of the part that a live page asks for."""
        return self.get(path, **{"HX-Request": "true", "HX-Target": "queue"})

    def decide(self, number: int, digest: str) -> float:
        """Give the milliseconds from the answer to the page with the next request."""
        began = time.perf_counter()
        answer = self._answer(number, digest)
        assert answer.status_code == 302, answer.text[:500]
        page = self.client.get(answer.headers["location"])
        assert page.status_code == 200
        return (time.perf_counter() - began) * 1000

    def _answer(self, number: int, digest: str) -> httpx.Response:
        token = next(value for name, value in self.client.cookies.items() if "csrf" in name)
        return self.client.post(
            f"/approvals/APR-{number}/decide/",
            data={"decision": "approve", "digest": digest, "view": "mine"},
            headers={"X-CSRFToken": token, "Referer": f"{self.address}/approvals/"},
        )

    def answer(self, number: int, digest: str) -> None:
        """Decide, and look at nothing."""
        assert self._answer(number, digest).status_code == 302


@dataclass
class _Pixels:
    """Milliseconds from commits to what the pages show.

    Args:
        painted: until a page was told which line to grey, for each page and commit.
        fetched: until the last page had the queue anew, for each commit.
        refused: how many of those questions got no answer.
    """

    painted: list[float] = field(default_factory=list)
    fetched: list[float] = field(default_factory=list)
    refused: int = 0


async def _commits(browser: _Browser, watcher: Watcher, rows: list[Any]) -> _Pixels:
    """Decide one after the other, with a real socket open for each inbox."""
    address = f"ws{browser.address.removeprefix('http')}/ws/live/?topics=inbox"
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={browser.session}"}
    found = _Pixels()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=browser.address,
                cookies=browser.cookies,
                timeout=120,
                # A connection that idles as long as the server keeps it is closed under a question.
                limits=httpx.Limits(max_connections=SOCKETS, keepalive_expiry=KEPT),
            )
        )
        sockets = [
            await stack.enter_async_context(
                connect(address, origin=browser.address, additional_headers=headers)
            )
            for _ in range(SOCKETS)
        ]
        for row in rows:
            await _drain(sockets)
            heard = asyncio.gather(*(_page(client, one, row[0]) for one in sockets))
            await asyncio.to_thread(browser.answer, *row)
            pages = await heard
            decided_at = watcher.rows(DECIDED, row[0])[0][0]
            found.painted += [_since(decided_at, painted) for painted, _ in pages]
            ends = [end for _, end in pages if end is not None]
            found.fetched.append(_since(decided_at, max(ends)))
            found.refused += len(pages) - len(ends)
    return found


def _since(decided_at: datetime, moment: datetime) -> float:
    return (moment - decided_at).total_seconds() * 1000


async def _page(
    client: httpx.AsyncClient, socket: Any, number: int
) -> tuple[datetime, datetime | None]:
    """Do as an open inbox does: hear, show it, and ask for the queue within the time it is told."""
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), timeout=60))
        if any(step[:2] == [f"APR-{number}", "approved"] for step in frame["steps"]):
            break
    painted = datetime.now(UTC)
    await asyncio.sleep(random.random() * frame.get("spread", 0) / 1000)
    headers = {"HX-Request": "true", "HX-Target": "queue"}
    answer = await client.get("/approvals/", headers=headers)
    return painted, datetime.now(UTC) if answer.status_code == 200 else None


async def _drain(sockets: list[Any]) -> None:
    """Wait until nothing more is told: what follows a decision is heard as well."""
    for socket in sockets:
        while True:
            try:
                await asyncio.wait_for(socket.recv(), timeout=1.5 if socket is sockets[0] else 0.01)
            except TimeoutError:
                break
