"""What the topic `inbox` tells, and to whom: the app that keeps the requests says it."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from workflows_app.live.reading import StepFrame


@dataclass(frozen=True, slots=True)
class InboxChange:
    """One request that changed, and the people whom it concerns: asked, asking or answering."""

    people: frozenset[int]
    frame: StepFrame  # reference, state, milliseconds since it was asked


@dataclass(frozen=True, slots=True)
class InboxNews:
    """What changed in some runs; `is_cut` says that there was more than is read at once."""

    changes: list[InboxChange]
    is_cut: bool = False


type InboxReader = Callable[[psycopg.AsyncConnection[Any], Collection[UUID]], Awaitable[InboxNews]]
_readers: list[Callable[[], InboxReader]] = []


def register_inbox(make: Callable[[], InboxReader]) -> None:
    """Let an app tell inboxes; each relay makes a reader of its own. Twice changes nothing."""
    if make not in _readers:
        _readers.append(make)


def inbox_readers() -> list[InboxReader]:
    """Make the readers of one relay."""
    return [make() for make in _readers]
