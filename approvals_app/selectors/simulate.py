"""What a changed gate would have done with past requests; nothing is changed by asking."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from approvals_app.core.evidence import Answered, rule_suggest, wilson_lower
from approvals_app.core.gates import leaves
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.autonomy import decided_of, readable
from workflows_app.core.expressions import ExpressionError, compile_condition
from workflows_app.selectors.people import Principal

JSON = Any
LOOKED_AT = 2_000  # newest requests of a simulation
LISTED = 50
_IDENTIFIERS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a rule would have let through, and what people had done with that.

    Args:
        passed: how many would not have been asked about; `against` of them people changed.
        failed: how many the rule could not judge; those would have been asked about.
    """

    rule: str
    looked_at: int
    passed: int
    failed: int
    against: list[ApprovalRequest]
    against_count: int

    @property
    def bound(self) -> float:
        """Give the lower bound of agreement among what would have passed, in percent."""
        return 100 * wilson_lower(self.passed - self.against_count, self.passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tightening:
    """What asking a second person would have meant.

    Args:
        single: how many one person decided; each would have waited for another one.
        against: those that people did not let pass as proposed.
    """

    looked_at: int
    single: int
    against: list[ApprovalRequest]
    against_count: int
    seconds: float

    @property
    def more(self) -> timedelta:
        """Give how much longer all of them together would have waited, by the median so far."""
        return timedelta(seconds=round(self.single * self.seconds))


def past_list(
    *, actor: Principal, now: datetime, workflow: str, gate: str, risk: str
) -> list[ApprovalRequest]:
    """Give the newest decided requests of a gate at a risk."""
    found = decided_of(readable(actor), now).filter(workflow__slug=workflow, gate=gate, risk=risk)
    return list(found.prefetch_related("edits").order_by("-number")[:LOOKED_AT])


def simulate_relax(past: list[ApprovalRequest], rule: str) -> Simulation:
    """Try a rule (CEL over `proposal`); it sees what the agent proposed, before any edit.

    Raises:
        ExpressionProblem: the rule cannot be used.
    """
    condition = compile_condition(rule, ["proposal"])
    looked_at = passed = failed = 0
    against = []
    for row in past:
        if row.risk == "critical":
            continue
        looked_at += 1
        try:
            holds = condition.evaluate({"proposal": proposal_of(row)})
        except ExpressionError:
            failed += 1
            continue
        if holds:
            passed += 1
            if not is_agreed(row):
                against.append(row)
    return Simulation(
        rule=rule,
        looked_at=looked_at,
        passed=passed,
        failed=failed,
        against=against[:LISTED],
        against_count=len(against),
    )


def simulate_tighten(past: list[ApprovalRequest]) -> Tightening:
    """Ask a second person about each of these."""
    against = [row for row in past if not is_agreed(row)]
    times = [(row.decided_at - row.requested_at).total_seconds() for row in past if row.decided_at]
    return Tightening(
        looked_at=len(past),
        single=sum(row.need == "1" and row.risk != "critical" for row in past),
        against=against[:LISTED],
        against_count=len(against),
        seconds=median(times) if times else 0.0,
    )


def rule_for(past: list[ApprovalRequest]) -> str | None:
    """Give the rule that the record of a gate supports, if it supports one."""
    answers = [
        Answered(numbers=_numbers(row), agreed=is_agreed(row))
        for row in past
        if row.risk != "critical"
    ]
    return rule_suggest(answers)


def _numbers(row: ApprovalRequest) -> dict[str, float]:
    arguments = (proposal_of(row)).get("arguments")
    found = {
        f"arguments.{name}": float(value)
        for name, value in leaves(arguments)
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and _IDENTIFIERS.fullmatch(name)
    }
    if row.confidence is not None:
        found["confidence"] = row.confidence
    return found


def is_agreed(row: ApprovalRequest) -> bool:
    """Tell whether people let it pass as it was proposed."""
    return row.state == "approved" and not row.is_edited  # type: ignore[attr-defined]


def proposal_of(request: ApprovalRequest) -> dict[str, JSON]:
    """Give what a rule sees: the action as the agent proposed it, and the confidence."""
    edits = sorted(request.edits.all(), key=lambda edit: edit.pk)
    action = (edits[0].before if edits else request.action) or {}
    return {**action, "confidence": request.confidence}
