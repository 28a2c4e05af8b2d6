"""An event on its way in: as it came, as it is stored, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A CloudEvent to be taken in."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    data: JSON = None
    extensions: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An event and who sent it."""

    event: Incoming
    actor: str
    via: str
    chain: int = 0  # how many runs led to it, each started by an event


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An event that is in its row."""

    row: int
    type: str
    subject: str | None
    chain: int
    shape: Mapping[str, JSON]


@dataclass(slots=True, kw_only=True)
class Received:
    """What an event did."""

    started: list[UUID] = field(default_factory=list)
    resumed: list[dict[str, JSON]] = field(default_factory=list)  # [{"run", "path"}]
    duplicate: bool = False

    def as_json(self) -> dict[str, JSON]:
        return {
            "started": [str(run) for run in self.started],
            "resumed": [{"run": str(one["run"]), "path": one["path"]} for one in self.resumed],
            "duplicate": self.duplicate,
        }
