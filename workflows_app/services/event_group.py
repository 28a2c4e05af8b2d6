"""Events that arrive together are stored together: one transaction for all, one commit.

An answer is given after the commit, as for a single event. A group that cannot be stored as
one is given back whole, with nothing of it stored: each is then taken in by itself.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from workflows_app.services.events import AT_ONCE, events_settle, events_take
from workflows_app.services.incoming import Incoming, Received, Sent
from workflows_app.services.tokens import Sender, tokens_senders

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """The events of one call, and the token that it came with."""

    token: str
    events: Sequence[Incoming]
    future: Any  # of the caller; nothing here looks at it


Answers = list[tuple[Order, list[Received] | None]]  # None: to be taken in by itself


class EventGroup:
    """Takes orders and stores what has come since the last commit in the next one."""

    def __init__(self, answer: Callable[[Answers], None]) -> None:
        self._answer = answer
        self._waiting: deque[Order] = deque()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, order: Order) -> None:
        """Take an order; `answer` is called from another thread, once it is done."""
        with self._condition:
            self._waiting.append(order)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, name="events", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _loop(self) -> None:
        while True:
            with self._condition:
                if not self._waiting:
                    connection.close()  # nothing is held while nothing comes
                while not self._waiting:
                    self._condition.wait()
                orders = self._next()
            try:
                self._serve(orders)
            except Exception:
                logger.exception("a group of events could not be answered")

    def _next(self) -> list[Order]:
        """Take as many orders as one transaction holds, at least one."""
        orders = [self._waiting.popleft()]
        count = len(orders[0].events)
        while self._waiting and count + len(self._waiting[0].events) <= AT_ONCE:
            orders.append(self._waiting.popleft())
            count += len(orders[-1].events)
        return orders

    def _serve(self, orders: Sequence[Order]) -> None:
        undone: list[Order] = []
        by_workspace: dict[UUID, list[tuple[Order, Sender]]] = {}
        for order, sender in _with_senders(orders):
            if sender is None:
                undone.append(order)
            else:
                by_workspace.setdefault(sender.workspace_id, []).append((order, sender))
        for workspace_id, group in by_workspace.items():
            undone += self._store(workspace_id, group)
        if undone:
            self._answer([(order, None) for order in undone])

    def _store(self, workspace_id: UUID, group: Sequence[tuple[Order, Sender]]) -> list[Order]:
        """Store the orders of one workspace and answer them; give those that were not stored."""
        sent = [
            Sent(event=event, actor=sender.actor, via="api")
            for order, sender in group
            for event in order.events
        ]
        try:
            received, touched = events_take(workspace_id, sent)
        except Exception as error:  # noqa: BLE001 - told by whoever takes them in one by one
            logger.info("%d events are taken in one by one: %s", len(sent), error)
            connection.close()
            return [order for order, _ in group]
        answers: Answers = []
        for order, _ in group:
            answers.append((order, received[: len(order.events)]))
            received = received[len(order.events) :]
        self._answer(answers)
        events_settle(touched)
        return []


def _with_senders(orders: Sequence[Order]) -> list[tuple[Order, Sender | None]]:
    """Find who sent each order; nobody, where the database cannot be asked."""
    try:
        senders = tokens_senders({order.token for order in orders})
    except Exception as error:  # noqa: BLE001 - as above
        logger.info("the senders of events cannot be looked up: %s", error)
        connection.close()
        senders = {}
    return [(order, senders.get(order.token)) for order in orders]
