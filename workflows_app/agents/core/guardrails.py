"""Checks on what goes into a step and what comes out of it.

A check that cannot answer has tripped. What a check saw is told without the data itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import re2

from workflows_app.agents.core.personal_data import KINDS, personal_data_redact
from workflows_app.core.durations import duration_parse

JSON = Any
Evaluate = Callable[..., JSON]
# What a `guard` step can check; around a step there are more.
SUPPORTED = frozenset(
    {"patterns", "personal_data", "injection", "confidence", "rule", "volume", "change"}
)
AROUND_A_STEP = SUPPORTED | {"tools", "hosts", "resources", "regions", "time", "rate"}
# The strictest first: what happens when several checks trip.
STRICTNESS = ("block", "hold", "escalate", "fallback", "redact", "warn")
CONFIDENCE_OF = "output.confidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One check that tripped: `saw` tells what, `is_observed` that nothing follows from it."""

    check: str
    on_trip: str
    saw: str
    is_observed: bool = False

    def decides(self, action: str) -> bool:
        """Tell whether this trip asks for the action that was taken."""
        return self.on_trip == action and not self.is_observed

    def record(self) -> dict[str, JSON]:
        """Give the trip as the history keeps it."""
        return {
            "check": self.check,
            "on_trip": self.on_trip,
            "saw": self.saw,
            "observed": self.is_observed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What all checks together say: the value, perhaps redacted, and what to do."""

    value: JSON
    action: str | None = None  # the strictest of the trips, without redact and warn
    trips: Sequence[Trip] = field(default_factory=tuple)

    @property
    def why(self) -> str:
        """The trip that decides, in a sentence."""
        deciding = [trip for trip in self.trips if self.action and trip.decides(self.action)]
        return f"{deciding[0].check}: {deciding[0].saw}" if deciding else ""


def checks_run(checks: Sequence[Mapping[str, JSON]], value: JSON, *, evaluate: Evaluate) -> Verdict:
    """Run all checks on a value.

    Args:
        evaluate: runs a CEL source with more variables; the value is `output` there. The source
            is a condition, or with `gives_any` an expression of any type.
    """
    trips: list[Trip] = []
    for check in checks:
        saw, cleaned = _check(check, value, evaluate)
        if saw is None:
            continue
        is_observed = check.get("mode") == "observe"
        on_trip = check.get("on_trip") or "block"
        if on_trip == "redact" and cleaned is _NOTHING:
            on_trip = "block"  # what cannot be redacted must not pass
        trips.append(Trip(check=check["check"], on_trip=on_trip, saw=saw, is_observed=is_observed))
        if on_trip == "redact" and not is_observed:
            value = cleaned
    return Verdict(value=value, action=_strictest(trips), trips=tuple(trips))


def _strictest(trips: Sequence[Trip]) -> str | None:
    asked = {trip.on_trip for trip in trips if not trip.is_observed}
    return next((way for way in STRICTNESS[:4] if way in asked), None)


class _Nothing:
    """No redacted form exists."""


_NOTHING = _Nothing()


def _check(check: Mapping[str, JSON], value: JSON, evaluate: Evaluate) -> tuple[str | None, JSON]:
    """Give (what it saw or None, the redacted value or _NOTHING)."""
    run = _CHECKS.get(check["check"])
    if run is None:
        return "this check is not available here", _NOTHING
    try:
        return run(check, value, evaluate)
    except Exception as error:  # noqa: BLE001 a check that cannot answer has tripped
        return f"it could not be answered ({type(error).__name__})", _NOTHING


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _mapped(value: JSON, change: Callable[[str], str]) -> JSON:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value


def _patterns(check: Mapping[str, JSON], value: JSON, _: Evaluate) -> tuple[str | None, JSON]:
    deny = [re2.compile(source) for source in check["deny"]]
    hits = [
        source
        for source, pattern in zip(check["deny"], deny, strict=True)
        if any(pattern.search(text) for text in _texts(value))
    ]
    if not hits:
        return None, _NOTHING

    def clean(text: str) -> str:
        for pattern in deny:
            text = pattern.sub("[removed]", text)
        return text

    return f"matches {', '.join(hits)}", _mapped(value, clean)


def _personal_data(check: Mapping[str, JSON], value: JSON, _: Evaluate) -> tuple[str | None, JSON]:
    kinds = check.get("kinds") or KINDS
    seen: list[str] = []

    def clean(text: str) -> str:
        redacted, found = personal_data_redact(text, kinds)
        seen.extend(found)
        return redacted

    cleaned = _mapped(value, clean)
    if not seen:
        return None, _NOTHING
    counts = (f"{kind} {seen.count(kind)}×" for kind in dict.fromkeys(seen))
    return f"holds {', '.join(counts)}", cleaned


def _confidence(
    check: Mapping[str, JSON], value: JSON, evaluate: Evaluate
) -> tuple[str | None, JSON]:
    minimum = float(check["minimum"])
    found = evaluate(check.get("of") or CONFIDENCE_OF, gives_any=True, output=value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return "there is no confidence", _NOTHING
    return (f"{found} is below {minimum}" if found < minimum else None), _NOTHING


def _rule(check: Mapping[str, JSON], value: JSON, evaluate: Evaluate) -> tuple[str | None, JSON]:
    held = evaluate(check["when"], output=value)
    return (None if held is False else f"{check['when']} holds"), _NOTHING


def _volume(check: Mapping[str, JSON], value: JSON, _: Evaluate) -> tuple[str | None, JSON]:
    size = len(value) if isinstance(value, list) else 1
    return (f"{size} items" if size > int(check["items"]) else None), _NOTHING


def _change(check: Mapping[str, JSON], value: JSON, evaluate: Evaluate) -> tuple[str | None, JSON]:
    before = float(evaluate(check["from"], gives_any=True, output=value))
    after = float(evaluate(check["to"], gives_any=True, output=value))
    size, limit = abs(after - before), check["maximum"]
    if isinstance(limit, str):
        size = size / abs(before) * 100 if before else float("inf")
        limit = float(limit.removesuffix("%"))
    return (f"changes by {size:g}" if size > float(limit) else None), _NOTHING


# Words that speak to a model instead of to its reader.
_INJECTIONS = tuple(
    re2.compile(source)
    for source in (
        r"(?i)\b(ignore|disregard|forget|override)\b.{0,40}"
        r"\b(previous|prior|above|earlier|all|your)\b"
        r".{0,40}\b(instruction|prompt|rule|direction)s?\b",
        r"(?i)\byou are (now|no longer)\b.{0,60}\b(assistant|model|ai|agent|mode|bound)\b",
        r"(?i)\b(reveal|print|repeat|show)\b.{0,40}\b(system|hidden|initial) (prompt|instruction)",
        r"(?i)(^|\n)\s*(system|assistant|developer)\s*:",
        r"(?i)<\s*/?\s*(system|instructions?)\s*>",
        r"(?i)\bdo not (tell|inform|ask|alert)\b.{0,30}\b(user|human|operator|anyone)\b",
    )
)


def _injection(check: Mapping[str, JSON], value: JSON, _: Evaluate) -> tuple[str | None, JSON]:
    hit = any(pattern.search(text) for text in _texts(value) for pattern in _INJECTIONS)
    return ("reads as instructions to a model" if hit else None), _NOTHING


def _listed(check: Mapping[str, JSON], value: JSON, evaluate: Evaluate) -> tuple[str | None, JSON]:
    of = check.get("of")
    found = evaluate(of, gives_any=True, output=value) if of else check.get("seen")
    if found is None and not of:
        return None, _NOTHING  # the step calls none of these
    names = found if isinstance(found, list) else [found]
    if not names or not all(isinstance(name, str) for name in names):
        return "there is no name to look up", _NOTHING
    allow, deny = check.get("allow"), check.get("deny") or []
    for name in names:
        if any(fnmatchcase(name, one) for one in deny):
            return f"{name} is denied", _NOTHING
        if allow is not None and not any(fnmatchcase(name, one) for one in allow):
            return f"{name} is not allowed", _NOTHING
    return None, _NOTHING


def _time(check: Mapping[str, JSON], value: JSON, _: Evaluate) -> tuple[str | None, JSON]:
    limit = duration_parse(check["maximum"]).total_seconds()
    took = float(check["seen"])
    return (f"lasts {took:.0f} s" if took > limit else None), _NOTHING


def _rate(check: Mapping[str, JSON], value: JSON, _: Evaluate) -> tuple[str | None, JSON]:
    starts, limit = int(check["seen"]), int(check["limit"])
    return (f"{starts} starts within {check['per']}" if starts >= limit else None), _NOTHING


_CHECKS: Mapping[str, Callable[..., tuple[str | None, JSON]]] = {
    "patterns": _patterns,
    "personal_data": _personal_data,
    "confidence": _confidence,
    "rule": _rule,
    "volume": _volume,
    "change": _change,
    "injection": _injection,
    "tools": _listed,
    "hosts": _listed,
    "resources": _listed,
    "regions": _listed,
    "time": _time,
    "rate": _rate,
}
