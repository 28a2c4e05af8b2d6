"""When a tool or a model is to be spared for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from workflows_app.core.durations import duration_parse

JSON = Any
BreakerState = Literal["closed", "open", "half_open"]
_STRAIN = frozenset({"timeout", "connection", "http_429"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """After this many failures in a row nothing is called for `open_for`."""

    failures: int = 5
    open_for: timedelta = timedelta(seconds=60)


def breaker_rule(setting: Mapping[str, JSON] | None) -> BreakerRule:
    """Read a tool's `breaker`: `{failures?, open_for?}`.

    Raises:
        ValueError: no sound number or duration.
    """
    setting = setting or {}
    failures = setting.get("failures", BreakerRule().failures)
    if isinstance(failures, bool) or not isinstance(failures, int) or not 1 <= failures <= 1_000:
        raise ValueError("failures is a number from 1 to 1000")
    if set(setting) - {"failures", "open_for"}:
        raise ValueError("it has failures and open_for, nothing else")
    given = setting.get("open_for")
    open_for = BreakerRule().open_for if given is None else duration_parse(str(given))
    return BreakerRule(failures=failures, open_for=open_for)


def counts(code: str) -> bool:
    """Tell whether a failure says that the other side is overloaded or away."""
    is_5xx = code.startswith("http_5") and len(code) == len("http_5xx")
    return code in _STRAIN or is_5xx


def breaker_state(opened_at: datetime | None, open_for: timedelta, now: datetime) -> BreakerState:
    """Give where a breaker stands; half-open lets one attempt look whether it works again."""
    if opened_at is None:
        return "closed"
    return "open" if now < opened_at + open_for else "half_open"
