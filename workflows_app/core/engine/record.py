"""One row of the record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One row of the record, without its number."""

    type: str
    path: str = ""
    generation: int | None = None
    from_state: str = ""
    to_state: str = ""
    trigger: str = ""
    actor: str = "engine"
    why: str = ""
    data: JSON = None
    at: datetime | None = None  # None: now
