"""Where a run stands, by the places of its definition: items and iterations counted together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Func, Max, Min, Q, StringAgg, TextField, Value

from workflows_app.core.states import STEP_OPEN, ScopeState
from workflows_app.models import Run, Scope, StepRun

# Of several step runs at one place, the first of these tells most.
TELLING = ("waiting", "running", "ready", "compensating", "failed", "timed_out", "succeeded")


@dataclass(slots=True, kw_only=True)
class Place:
    """One place of the definition, such as `each.label`, and the step runs at it."""

    path: str
    state: str
    sample: str  # the path of one step run in that state
    reason: str | None = None
    port: str | None = None
    began: datetime | None = None
    ended: datetime | None = None
    done: int = 0
    total: int = 0


def _place(field: str) -> Func:
    pattern = (Value(r"\[\d+\]"), Value(""), Value("g"))
    return Func(F(field), *pattern, function="regexp_replace", output_field=TextField())


def run_places(*, run: Run) -> list[Place]:
    """Give each place at which the run has step runs, bodies or visits."""
    found: dict[str, Place] = {}
    for row in _step_rows(run):
        _add(found, row)
    for path, kind, total, done in _scope_rows(run):
        _count(found, path, kind, total, done)
    _machines(found, run)
    return list(found.values())


def _machines(found: dict[str, Place], run: Run) -> None:
    """Tell of each state how often it was visited, and whether its machine is in it now.

    A state without a body has no scope: only its machine knows that it is there.
    """
    machines = StepRun.objects.filter(run_id=run.pk, is_current=True, kind="state_machine")
    rows = machines.annotate(place=_place("path")).values_list(
        "place", "state", "progress", "output"
    )
    counted: dict[str, Place] = {}
    for path, state, progress, output in rows:
        told = progress or (output if isinstance(output, dict) else {})
        for name, visits in (told.get("visits") or {}).items():
            at = f"{path}.{name}"
            place = counted.setdefault(at, Place(path=at, state="succeeded", sample=""))
            is_here = state in STEP_OPEN and told.get("state") == name
            place.total += visits
            place.done += visits - is_here
            place.state = "running" if is_here else place.state
    found.update(counted)


def _step_rows(run: Run) -> Any:
    return (
        StepRun.objects.filter(run_id=run.pk, is_current=True)
        .annotate(place=_place("path"))
        .values("place", "state")
        .annotate(
            count=Count("pk"),
            sample=Min("path"),
            reason=Max("reason"),
            ports=StringAgg("port", delimiter=Value(","), distinct=True),
            began=Min("started_at"),
            ended=Max("finished_at"),
        )
        .order_by("place")
    )


def _add(found: dict[str, Place], row: dict[str, Any]) -> None:
    """Put the step runs of one state to those of other states at the same place."""
    state = str(row["state"])
    place = found.get(row["place"])
    if place is None:
        place = found[row["place"]] = Place(path=row["place"], state=state, sample=row["sample"])
        place.reason, place.began = row["reason"], row["began"]
    elif _rank(state) < _rank(place.state):
        place.state, place.sample, place.reason = state, row["sample"], row["reason"]
    ports = {*(place.port or "").split(","), *(row["ports"] or "").split(",")} - {""}
    place.port = ",".join(sorted(ports)) or None
    place.began = min(filter(None, (place.began, row["began"])), default=None)
    place.ended = max(filter(None, (place.ended, row["ended"])), default=None)
    place.total += row["count"]
    place.done += 0 if state in STEP_OPEN else row["count"]


def _rank(state: str) -> int:
    return TELLING.index(state) if state in TELLING else len(TELLING)


def _scope_rows(run: Run) -> Any:
    """Give items, iterations and visits; a visit's path names its state."""
    closed = Q(state=ScopeState.ENDED.value)
    return (
        Scope.objects.filter(run_id=run.pk, kind__in=("item", "iteration", "visit"))
        .annotate(place=_place("path"))
        .values("place", "kind")
        .annotate(total=Count("pk"), done=Count("pk", filter=closed))
        .values_list("place", "kind", "total", "done")
    )


def _count(found: dict[str, Place], path: str, kind: str, total: int, done: int) -> None:
    """Tell of a container how many of its items have ended; a visit makes its state a place."""
    place = found.get(path)
    if kind == "visit":
        state = "running" if done < total else "succeeded"
        found[path] = Place(path=path, state=state, sample="", done=done, total=total)
    elif place is not None:
        place.done, place.total = done, total
