"""A run's budget: the worst case of a model call is reserved before it, settled after it.

What attempts under way may cost is kept in rows of their own; what ended attempts cost, the
run itself knows. A row counts only while its attempt is the one that runs.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from workflows_app.agents.core.model_specs import ModelSpec
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.models import BudgetHold
from workflows_app.core.kinds import Call, StepError, Usage
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


@dataclass(slots=True)
class Held:
    """One reservation."""

    call: Call | None

    def settle(self, cost_usd: float) -> None:
        """Replace the worst case by what the call cost."""
        if self.call is not None:
            rows = BudgetHold.objects.filter(step_run=self.call.step_run_id)
            before = rows.values_list("spent", flat=True).first() or 0.0
            rows.update(spent=before + cost_usd, reserved=0.0)


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
    if call.budget is None:
        yield Held(None)
        return
    _reserve(call, worst_case(spec, request))
    held = Held(call)
    try:
        yield held
    except StepError as error:
        held.settle(error.usage.cost_usd)
        raise


@transaction.atomic
def _reserve(call: Call, worst: float) -> None:
    budget = call.budget
    assert budget is not None  # noqa: S101
    with connection.cursor() as cursor:
        # Calls of one run take their turn here; nothing else ever waits for this lock.
        key = call.run_id.int & 0x7FFF_FFFF_FFFF_FFFF
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        cursor.execute(_SPENT, {"run": call.run_id, "own": call.step_run_id})
        cost, others, granted = cursor.fetchone() or (0.0, 0.0, 0.0)
    row = BudgetHold.objects.filter(step_run=call.step_run_id, attempt=call.attempt).first()
    spent = row.spent if row is not None else 0.0
    left = budget.usd + granted + budget.granted - cost - others - spent
    if worst > left:
        raise _exceeded(call, worst, left, spent)
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


def _exceeded(call: Call, worst: float, left: float, spent: float) -> StepError:
    asks = call.budget is not None and call.budget.asks
    usd = round(max(worst - left, 0.0) + 0.00005, 4)
    return StepError(
        "budget_exceeded",
        f"the next call may cost {worst:.4f} US dollars, and {max(left, 0.0):.4f} are left",
        usage=Usage(cost_usd=spent),
        details={"usd": usd},
        wait=WaitReason.BUDGET if asks else None,
    )
