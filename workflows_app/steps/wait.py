"""The kind `wait`: go on when an event comes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.definition.markers import Condition, DurationValue
from workflows_app.core.durations import duration_parse
from workflows_app.core.kinds import Call, Kind, StepError, Suspend
from workflows_app.core.states import WaitReason
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
    label = "Event wait"
    group = "Waiting"
    summary = "Waits for an event, also one that came before the wait, holding nothing."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `expired`."""
        return ("expired",)

    def run(self, call: Call) -> Suspend:
        """Subscribe; an event that is there already comes right after.

        Raises:
            StepError: `lookback` or `timeout` is no duration.
        """
        wanted = {name: call.settings.get(name) for name in _REQUEST}
        try:
            timeout = _lasts(call.settings.get("timeout"))
            _lasts(wanted["lookback"])
        except ValueError as error:
            raise StepError("bad_duration", str(error)) from error
        shown = {"event": wanted["event"], "key": wanted["key"]}
        return Suspend(reason=WaitReason.EVENT, after=timeout, waiting=shown, request=wanted)


_REQUEST = ("event", "key", "where", "lookback", "transient")


def _lasts(value: Any) -> timedelta | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    return duration_parse(value)
