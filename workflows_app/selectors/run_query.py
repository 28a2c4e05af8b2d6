"""The query of a list of runs: `state:failed workflow:refund cost:>1`, read and carried out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from workflows_app.core.durations import duration_parse
from workflows_app.core.states import RunState, WaitReason
from workflows_app.models import Run, StepRun

NAMES = (
    "state",
    "workflow",
    "version",
    "mode",
    "step",
    "waiting",
    "error",
    "cost",
    "started",
    "run",
    "text",
)
STATE_WORDS = ("open", "ended")
STATES = frozenset(state.value for state in RunState)
REASONS = frozenset(reason.value for reason in WaitReason)
TERM = re.compile(r'(\w+):("[^"]*"|\S+)|("[^"]*"|\S+)')
NUMBER = re.compile(r"([<>]?)(\d{1,12}(?:\.\d{1,6})?)")
WHOLE = re.compile(r"\d{1,9}")
SIGNS = {"<": "lt", ">": "gt", "": "exact"}


def query_parse(text: str) -> tuple[dict[str, str], list[str]]:
    """Give the filters that a query names, and the terms that mean nothing."""
    found: dict[str, str] = {}
    unknown: list[str] = []
    for name, value, word in TERM.findall(text[:500]):
        if not name:
            found["text"] = " ".join(filter(None, (found.get("text"), word.strip('"'))))
        elif name in NAMES and problem_of(name, value.strip('"')) is None:
            found[name] = value.strip('"')
        else:
            unknown.append(f"{name}:{value}")
    return found, unknown


def query_text(filters: Mapping[str, str]) -> str:
    """Give the query that `query_parse` reads as these filters."""
    terms = []
    for name in NAMES:
        value = filters.get(name, "")
        if value:
            quoted = f'"{value}"' if " " in value else value
            terms.append(quoted if name == "text" else f"{name}:{quoted}")
    return " ".join(terms)


def problem_of(name: str, value: str) -> str | None:
    """Say what is wrong with a filter's value, or give None."""
    match name:
        case "state":
            known = STATES.union(STATE_WORDS)
            bad = [part for part in value.split(",") if part not in known]
            return f"no run is {', '.join(bad)}; one of {', '.join(sorted(known))}" if bad else None
        case "waiting":
            return None if value in REASONS else f"one of {', '.join(sorted(REASONS))}"
        case "mode":
            return None if value in ("live", "rehearsal") else "live or rehearsal"
        case "version" | "run":
            return None if WHOLE.fullmatch(value.removeprefix("RUN-")) else "a whole number"
        case "cost":
            return None if NUMBER.fullmatch(value) else "a number, with < or > before it"
        case "started":
            return (
                None if _since(value[1:] if value[:1] in "<>" else value) else "24h or 2026-01-31"
            )
    return None if value and "\x00" not in value else "some text"


def query_apply(runs: QuerySet[Run], filters: Mapping[str, str]) -> QuerySet[Run]:
    """Narrow a list of runs; filters come from `query_parse` or were checked by `problem_of`."""
    for name, value in filters.items():
        runs = _narrowed(runs, name, value)
    return runs


def _narrowed(runs: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
    match name:
        case "state":
            found = runs.filter(_state_is(value))
        case "workflow":
            found = runs.filter(workflow__slug=value)
        case "mode":
            found = runs.filter(mode=value)
        case "version":
            found = runs.filter(version__number=int(value))
        case "run":
            found = runs.filter(number=int(value.removeprefix("RUN-")))
        case "step":
            stands = StepRun.objects.filter(step=value, state__in=["running", "waiting", "failed"])
            found = runs.filter(pk__in=stands.filter(is_current=True).values("run_id"))
        case "waiting":
            waits = StepRun.objects.filter(reason=value, state="waiting", is_current=True)
            found = runs.filter(finished_at=None, pk__in=waits.values("run_id"))
        case "error":
            found = runs.filter(error__contains=f'"code":"{value}"')
        case "cost":
            sign, amount = NUMBER.fullmatch(value).groups()  # type: ignore[union-attr]
            found = runs.filter(**{f"cost_usd__{SIGNS[sign]}": float(amount)})
        case "started":
            found = _started(runs, value)
        case _:
            named = Q(workflow__name__icontains=value) | Q(workflow__slug__icontains=value)
            found = runs.filter(named)
    return found


def _state_is(value: str) -> Q:
    parts = value.split(",")
    wanted = Q(state__in=[part for part in parts if part not in STATE_WORDS])
    if "open" in parts:
        wanted |= Q(finished_at__isnull=True)
    return wanted | Q(finished_at__isnull=False) if "ended" in parts else wanted


def _started(runs: QuerySet[Run], value: str) -> QuerySet[Run]:
    """`24h` and `>24h` are within the last day, `<24h` before it; a date is that day on."""
    sign, text = (value[0], value[1:]) if value[:1] in "<>" else (">", value)
    since = _since(text)
    return runs.filter(**{f"created_at__{'lt' if sign == '<' else 'gte'}": since})


def _since(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        length: timedelta = duration_parse(text)
        return timezone.now() - length
    except (ValueError, OverflowError):
        return None
