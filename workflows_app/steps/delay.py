"""The kind `delay`: wait for a time, or until one, holding nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field, field_validator, model_validator

from workflows_app.core.definition.markers import DurationValue
from workflows_app.core.durations import LONGEST, duration_parse
from workflows_app.core.kinds import Call, Kind, StepError, Suspend
from workflows_app.core.states import WaitReason
from workflows_app.steps.settings import Settings


class DelaySettings(Settings):
    """A duration, or a time."""

    lasts: DurationValue | None = Field(None, alias="for")
    at: str | None = Field(None, description="RFC 3339, or an expression that gives one")

    @field_validator("at")
    @classmethod
    def _is_a_time(cls, at: str | None) -> str | None:
        if at is not None and not at.startswith("=") and "{{" not in at:
            _time_parse(at)
        return at

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "DelaySettings":
        if (self.lasts is None) == (self.at is None):
            raise ValueError("a delay has either `for` or `at`")
        return self


class DelayKind(Kind):
    """Go on later."""

    name = "delay"
    primitive = "wait"
    settings = DelaySettings
    label = "Timer"
    group = "Waiting"
    summary = "Waits for a duration or until a time, holding nothing."

    def run(self, call: Call) -> Suspend:
        """Set the timer that goes on with `done`.

        Raises:
            StepError: what the expression gave is no duration or time.
        """
        try:
            return _suspend(call.settings)
        except ValueError as error:
            raise StepError("bad_delay", str(error)) from error


def _suspend(settings: Mapping[str, Any]) -> Suspend:
    if settings.get("at") is not None:
        at = _time_parse(settings["at"])
        return Suspend(reason=WaitReason.TIMER, until=at, waiting={"until": settings["at"]})
    lasts = settings.get("for")
    if isinstance(lasts, int | float) and not isinstance(lasts, bool):
        if not 0 <= lasts <= LONGEST.total_seconds():
            raise ValueError(f"{lasts} seconds is no delay")
        return Suspend(reason=WaitReason.TIMER, after=timedelta(seconds=lasts))
    return Suspend(reason=WaitReason.TIMER, after=duration_parse(lasts))


def _time_parse(text: Any) -> datetime:
    """Give a time; one without a zone is UTC.

    Raises:
        ValueError: it is not RFC 3339.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a time: write one such as 2026-01-05T09:00:00Z")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text[:40]!r} is not a time: write one such as 2026-01-05T09:00:00Z"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
