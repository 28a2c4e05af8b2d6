"""Two runs side by side: steps aligned by path, what differs, and where it first did."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals_app.core.shown import Row, diff
from workflows_app.core.words_diff import Piece, words_diff
from workflows_app.errors import Invalid, NotFound
from workflows_app.models import Run, StepRun
from workflows_app.selectors.people import principal_of_user
from workflows_app.selectors.runs import run_get, step_run_list
from workflows_app.views.words import duration

STEPS_SHOWN = 400
Side = StepRun | None


@dataclass(slots=True)
class Pair:
    """One path in both runs."""

    path: str
    a: Side
    b: Side
    input: list[Row] = field(default_factory=list)
    output: list[Row] = field(default_factory=list)
    prompt: list[Piece] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # what differs, in words
    took: str = ""
    errors: str = ""
    is_first: bool = False

    @property
    def differs(self) -> bool:
        return bool(self.words)


@login_required
@require_safe
@never_cache
def compare(request: HttpRequest) -> HttpResponse:
    """Compare the runs numbered `a` and `b`."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    numbers = [_number(request, name) for name in ("a", "b")]
    a, b = (run_get(actor=actor, number=number) for number in numbers)
    pairs = _pairs(a, b)
    only = request.GET.get("only") == "different"
    context = {
        "a": a,
        "b": b,
        "facts": _facts(a, b),
        "input": _changed(a.input, b.input),
        "output": _changed(a.output, b.output),
        "pairs": [pair for pair in pairs if pair.differs] if only else pairs,
        "first": next((pair for pair in pairs if pair.is_first), None),
        "count": sum(pair.differs for pair in pairs),
        "only": only,
        "is_cut": len(pairs) >= STEPS_SHOWN,
    }
    return render(request, "workflows/compare.html", context)


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "").removeprefix("RUN-")
    if not text:
        raise Invalid(f"Name two runs: ?a=1&b=2; {name} is missing.", code="run_needed")
    if not text.isdecimal() or len(text) > 18:
        raise NotFound("There is no such run.")
    return int(text)


def _facts(a: Run, b: Run) -> list[tuple[str, Any, Any, str]]:
    """Give what is shown above: name, both values, and how to show them."""
    return [
        ("State", a.state, b.state, "state"),
        ("Workflow", a.workflow.name, b.workflow.name, ""),
        ("Version", _version(a), _version(b), ""),
        ("Mode", a.mode, b.mode, ""),
        ("Took", _lasted(a), _lasted(b), "duration"),
        ("Steps", a.step_count, b.step_count, ""),
        ("Tokens", a.input_tokens + a.output_tokens, b.input_tokens + b.output_tokens, ""),
        ("Cost", a.cost_usd, b.cost_usd, "money"),
    ]


def _version(run: Run) -> str:
    return f"v{run.version.number}" if run.version.number else "draft"


def _lasted(one: Run | StepRun) -> timedelta | None:
    ended, begun = one.finished_at, one.started_at
    return ended - begun if ended and begun else None


def _changed(before: Any, after: Any) -> list[Row]:
    """Give only the fields that differ."""
    return [row for row in diff(before, after) if row.sign]


def _pairs(a: Run, b: Run) -> list[Pair]:
    """Align the steps by path, in the order of the run that has each first."""
    sides = []
    for run in (a, b):
        steps = step_run_list(run=run, current_only=True)[:STEPS_SHOWN]
        sides.append({step.path: step for step in steps})
    left, right = sides
    pairs = [_pair(path, left.get(path), right.get(path)) for path in _order(left, right)]
    for pair in pairs:
        if pair.differs:
            pair.is_first = True
            break
    return pairs


def _order(left: dict[str, StepRun], right: dict[str, StepRun]) -> list[str]:
    """Keep the order of the first run; what only the second has comes after its forerunner."""
    order = list(left)
    before = ""
    for path in right:
        if path not in left:
            order.insert(order.index(before) + 1 if before else 0, path)
        before = path
    return order[:STEPS_SHOWN]


def _pair(path: str, a: Side, b: Side) -> Pair:
    pair = Pair(path, a, b)
    if a is None or b is None:
        pair.words = [f"only in {'b' if a is None else 'a'}"]
        return pair
    before, after = _prompt(a), _prompt(b)
    pair.input, pair.output = _changed(a.input, b.input), _changed(a.output, b.output)
    pair.prompt = words_diff(before, after) if before != after else []
    pair.took = _took(_lasted(a), _lasted(b))
    if a.error != b.error:
        pair.errors = f"{_error(a)} and {_error(b)}"
    named = [
        ("state", (a.state, a.port) != (b.state, b.port)),
        ("kind", a.kind != b.kind),
        ("prompt", before != after),
        ("input", bool(pair.input) and before == after),
        ("output", bool(pair.output)),
        ("error", a.error != b.error),
    ]
    pair.words = [word for word, differs in named if differs]
    return pair


def _took(a: timedelta | None, b: timedelta | None) -> str:
    """Say both lengths of time and their difference."""
    if a is None or b is None:
        return " and ".join(duration(one) or "not ended" for one in (a, b))
    more = f"{duration(abs(b - a))} {'longer' if b > a else 'shorter'}" if a != b else "the same"
    return f"{duration(a)} and {duration(b)}, {more}"


def _error(step: StepRun) -> str:
    known = step.error or {}
    return str(known.get("message") or known.get("code") or "none")


def _prompt(step: StepRun) -> str:
    prompt = step.input.get("prompt") if isinstance(step.input, dict) else None
    return prompt if isinstance(prompt, str) else ""
