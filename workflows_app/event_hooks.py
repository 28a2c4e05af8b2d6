"""Where the steps and other apps meet the event services without knowing them.

Steps stand below the services: `publish` asks here, and the service answers. Sending to the
outside world belongs to the guarded client, which is another app's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

JSON = Any


class Publisher(Protocol):
    """Stores an event that a step publishes, and matches it."""

    def __call__(
        self,
        *,
        run_id: UUID,
        workspace_id: UUID,
        key: str,
        type: str,
        subject: str | None,
        data: JSON,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of one delivery: the status, or why there is none."""

    status: int | None
    error: str = ""


Sender = Callable[[str, Mapping[str, str], bytes], Sent]  # url, headers, body
_publisher: list[Publisher] = []
_sender: list[Sender] = []


def register_publisher(function: Publisher) -> None:
    """Say who stores published events."""
    _publisher[:] = [function]


def register_sender(function: Sender) -> None:
    """Say who sends webhooks; it waits for the answer and never raises for a bad one."""
    _sender[:] = [function]


def publisher() -> Publisher:
    """Give who stores published events."""
    return _publisher[0]


def sender() -> Sender | None:
    """Give who sends webhooks, if somebody does."""
    return _sender[0] if _sender else None
