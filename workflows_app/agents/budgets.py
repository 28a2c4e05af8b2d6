"""Budgets: the worst case of a model call is reserved before it, settled after it.

What attempts under way may cost is kept in rows of their own; what ended attempts cost, the
run itself knows, and for days and months a counter for each workflow and for the workspace. A
row counts only while its attempt is the one that runs.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from workflows_app.agents.core.model_specs import ModelSpec
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.models import BudgetHold
from workflows_app.core.kinds import Budget, Call, StepError, Usage
from workflows_app.core.states import WaitReason

JSON = Any
_BYTES_FOR_A_TOKEN = 2  # of a prompt: fewer tokens than this says are hardly possible to exceed
_SPENT = """
SELECT r.cost_usd,
  coalesce(sum(h.spent + h.reserved) FILTER (
    WHERE s.state = 'running' AND s.attempt = h.attempt AND h.step_run <> %(own)s), 0),
  coalesce(sum(h.granted) FILTER (WHERE h.step_run <> %(own)s), 0)
FROM workflows_app_run r
LEFT JOIN agents_budgethold h ON h.run = r.id
LEFT JOIN workflows_app_steprun s ON s.id = h.step_run
WHERE r.id = %(run)s GROUP BY r.cost_usd
"""
# A run that ended has told its parent what it cost; one that goes on has not.
_SPENT_AROUND = """
WITH RECURSIVE tree AS (
  SELECT id, cost_usd, finished_at, true AS is_top FROM workflows_app_run WHERE id = %(run)s
  UNION ALL
  SELECT r.id, r.cost_usd, r.finished_at, false FROM workflows_app_run r
  JOIN tree t ON r.parent_id = t.id)
SELECT (SELECT coalesce(sum(cost_usd) FILTER (WHERE is_top OR finished_at IS NULL), 0) FROM tree),
  coalesce(sum(h.spent + h.reserved) FILTER (
    WHERE s.state = 'running' AND s.attempt = h.attempt AND h.step_run <> %(own)s), 0),
  coalesce(sum(h.granted) FILTER (WHERE h.step_run <> %(own)s), 0)
FROM agents_budgethold h JOIN workflows_app_steprun s ON s.id = h.step_run
WHERE h.run IN (SELECT id FROM tree)
"""
# A call draws on the windows of the workflows around it as well.
_SPENT_SINCE = """
WITH RECURSIVE up AS (
  SELECT h.step_run, h.reserved, r.parent_id, r.workflow_id, r.workspace_id
  FROM agents_budgethold h
  JOIN workflows_app_steprun s
    ON s.id = h.step_run AND s.state = 'running' AND s.attempt = h.attempt
  JOIN workflows_app_run r ON r.id = h.run
  WHERE h.reserved > 0 AND h.step_run <> %(own)s
  UNION ALL
  SELECT up.step_run, up.reserved, r.parent_id, r.workflow_id, r.workspace_id
  FROM workflows_app_run r JOIN up ON r.id = up.parent_id)
SELECT (SELECT coalesce(sum(usd), 0) FROM agents_spend WHERE scope = %(of)s
    AND day >= date_trunc(%(per)s, now() AT TIME ZONE 'utc')::date),
  (SELECT coalesce(sum(d.reserved), 0) FROM (
    SELECT DISTINCT step_run, reserved FROM up
    WHERE workspace_id = %(of)s OR workflow_id = %(of)s) AS d), 0
"""
_COUNT = """
WITH RECURSIVE up AS (
  SELECT id, parent_id, workflow_id, workspace_id FROM workflows_app_run WHERE id = %(run)s
  UNION ALL
  SELECT r.id, r.parent_id, r.workflow_id, r.workspace_id FROM workflows_app_run r
  JOIN up ON r.id = up.parent_id)
INSERT INTO agents_spend (scope, day, usd)
SELECT scope, (now() AT TIME ZONE 'utc')::date, %(usd)s FROM (
  SELECT workspace_id AS scope FROM up UNION SELECT workflow_id FROM up) AS d ORDER BY scope
ON CONFLICT (scope, day) DO UPDATE SET usd = agents_spend.usd + excluded.usd
"""


@dataclass(slots=True)
class Held:
    """One call that may cost something, with or without a reservation."""

    call: Call
    is_reserved: bool

    @transaction.atomic
    def settle(self, cost_usd: float) -> None:
        """Replace the worst case by what the call cost, and count it for the day."""
        if self.is_reserved:
            rows = BudgetHold.objects.filter(step_run=self.call.step_run_id)
            before = rows.values_list("spent", flat=True).first() or 0.0
            rows.update(spent=before + cost_usd, reserved=0.0)
        if cost_usd > 0:
            with connection.cursor() as cursor:
                cursor.execute(_COUNT, {"run": self.call.run_id, "usd": cost_usd})


def worst_case(spec: ModelSpec, request: ModelRequest) -> float:
    """Give the most that a request can cost in US dollars."""
    size = len(json.dumps(request.body(), ensure_ascii=False).encode())
    return spec.cost(size // _BYTES_FOR_A_TOKEN + 1, request.max_tokens)


@contextmanager
def reserved(call: Call, spec: ModelSpec, request: ModelRequest) -> Iterator[Held]:
    """Hold what a call may cost until it is known what it did cost.

    Raises:
        StepError: `budget_exceeded`; the step waits for people where its budget says so.
    """
    if call.budget is not None:
        _reserve(call, worst_case(spec, request))
    held = Held(call, is_reserved=call.budget is not None)
    try:
        yield held
    except StepError as error:
        held.settle(error.usage.cost_usd)
        raise


@transaction.atomic
def _reserve(call: Call, worst: float) -> None:
    budget = call.budget
    assert budget is not None  # noqa: S101
    row = BudgetHold.objects.filter(step_run=call.step_run_id, attempt=call.attempt).first()
    spent = row.spent if row is not None else 0.0
    with connection.cursor() as cursor:
        _take_turn(cursor, {call.run_id, *(one.of for one in budget.shared)})
        for left, asks, whose in _lefts(cursor, call, budget, spent):
            if worst > left:
                raise _exceeded(worst, left, spent, asks=asks, whose=whose)
    BudgetHold.objects.update_or_create(
        step_run=call.step_run_id,
        defaults={
            "run": call.run_id,
            "attempt": call.attempt,
            "spent": spent,
            "reserved": worst,
            "granted": budget.granted,
        },
    )


def _take_turn(cursor: CursorWrapper, scopes: set[UUID]) -> None:
    """Let calls that spend from the same budget follow each other; nothing else waits for it."""
    for key in sorted(scope.int & 0x7FFF_FFFF_FFFF_FFFF for scope in scopes):
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _lefts(
    cursor: CursorWrapper, call: Call, budget: Budget, spent: float
) -> Iterator[tuple[float, bool, str]]:
    """Give what is left of each budget, whether it asks for more, and its name in words."""
    if budget.usd is not None:
        taken = _taken(cursor, _SPENT, call, run=call.run_id) + spent
        yield budget.usd + budget.granted - taken, budget.asks, "this run"
    for one in budget.shared:
        if one.per == "run":
            taken = _taken(cursor, _SPENT_AROUND, call, run=one.of) + spent
            whose = "the run around it"
        else:
            taken = _taken(cursor, _SPENT_SINCE, call, of=one.of, per=one.per)
            whose = f"this {one.per}"
        yield one.usd + budget.granted - taken, one.asks, whose


def _taken(cursor: CursorWrapper, statement: str, call: Call, **values: Any) -> float:
    cursor.execute(statement, {"own": call.step_run_id, **values})
    cost, others, granted = cursor.fetchone() or (0.0, 0.0, 0.0)
    return float(cost) + float(others) - float(granted)


def _exceeded(worst: float, left: float, spent: float, *, asks: bool, whose: str) -> StepError:
    usd = round(max(worst - left, 0.0) + 0.00005, 4)
    return StepError(
        "budget_exceeded",
        f"the next call may cost {worst:.4f} US dollars, and {max(left, 0.0):.4f} are left"
        f" for {whose}",
        usage=Usage(cost_usd=spent),
        details={"usd": usd},
        wait=WaitReason.BUDGET if asks else None,
    )
