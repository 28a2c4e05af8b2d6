"""The kind `wait`: go on when an event comes."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.definition.markers import Condition, DurationValue
from workflows_app.core.kinds import Kind
from workflows_app.steps.settings import Settings


class WaitSettings(Settings):
    """Which event, for how long, and whether one that came before counts."""

    event: Annotated[str, Field(min_length=1, max_length=200)]
    key: str | None = Field(None, description="the event's subject; a value")
    where: Annotated[str, Condition(more=("event",))] | None = None
    lookback: DurationValue | None = Field(None, description="also events this long before")
    transient: bool = Field(False, description="only events that come after the wait began")
    timeout: DurationValue | None = None


class WaitKind(Kind):
    """Wait for an event of a type and a key."""

    name = "wait"
    primitive = "wait"
    settings = WaitSettings
    is_available = False  # until its engine is there
    label = "Event wait"
    group = "Waiting"
    summary = "Waits for an event, also one that came before the wait, holding nothing."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `expired`."""
        return ("expired",)
