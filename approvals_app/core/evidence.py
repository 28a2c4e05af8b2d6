"""How much past answers prove: the lower bound of agreement, and what follows from it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

JSON = Any
Z95 = 1.959964  # of the normal distribution, two-sided 95%
ENOUGH = 100
FEW = 20
FEW_BLIND = 10
FEW_SAMPLED = 5
RELAX_FROM = 0.95
TIGHTEN_BELOW = 0.85
PRIMED_BY = 0.1  # so much less agreement without the agent's view shows that it was followed


def wilson_lower(agreed: int, total: int) -> float:
    """Give the lower end of the 95% Wilson interval of a share; 0 where nothing is known."""
    if total == 0:
        return 0.0
    share = agreed / total
    spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    low = (share + Z95**2 / (2 * total) - spread) / (1 + Z95**2 / total)
    return max(0.0, low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What people did at one gate and risk; `blind` are those asked without the agent's view."""

    total: int
    agreed: int
    risk: str
    blind: int = 0
    blind_agreed: int = 0
    is_relaxed: bool = False
    is_question: bool = False


def suggestion(record: Record) -> tuple[str, str]:
    """Give `relax`, `tighten`, `keep` or `wait`, with words; critical gates never relax."""
    agreed, total = record.agreed, record.total
    if total >= FEW and agreed / total < TIGHTEN_BELOW:
        words = "Tighten: ask every time" if record.is_relaxed else "Tighten: two people"
        return (
            ("keep", "Critical: two people decide")
            if record.risk == "critical"
            else (
                "tighten",
                words,
            )
        )
    if total < ENOUGH:
        return "wait", f"Not enough evidence yet, {total} of {ENOUGH}"
    if record.blind >= FEW_BLIND:
        blind = record.blind_agreed / record.blind
        if blind < agreed / total - PRIMED_BY:
            return "keep", f"Keep: without the agent's view only {blind:.0%} agreed"
    may_relax = record.risk != "critical" and not record.is_relaxed and not record.is_question
    if may_relax and wilson_lower(agreed, total) >= RELAX_FROM:
        return "relax", "Relax: could ask less"
    return "keep", "Relaxed already" if record.is_relaxed else "Keep as it is"


def is_tightened(agreed: int, total: int, least: float) -> bool:
    """Tell whether a relaxed gate must ask again: too little agreement in its sample."""
    return total >= FEW_SAMPLED and agreed / total < least


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One past proposal as its numbers by name (`arguments.amount`, `confidence`), and its end."""

    numbers: dict[str, float]
    agreed: bool


def rule_suggest(answers: Sequence[Answered]) -> str | None:
    """Give the rule that would let most pass while the bound of agreement holds.

    One number below a limit, or the confidence above one; never beyond what was seen.
    """
    names = sorted({name for one in answers for name in one.numbers})
    found: list[tuple[int, str]] = []
    for name in names:
        is_confidence = name == "confidence"
        pairs = sorted(
            ((one.numbers[name], one.agreed) for one in answers if name in one.numbers),
            reverse=is_confidence,
        )
        cut = _longest(pairs)
        if cut is not None:
            sign = ">=" if is_confidence else "<="
            found.append((cut[0], f"proposal.{name} {sign} {float(cut[1])!r}"))
    return max(found, key=lambda one: (one[0], one[1]))[1] if found else None


def _longest(pairs: Iterable[tuple[float, bool]]) -> tuple[int, float] | None:
    """Give how many pairs from the start hold the bound, and the last value agreed with."""
    items = list(pairs)
    best, agreed = None, 0
    for index, (value, holds) in enumerate(items, start=1):
        agreed += holds
        is_last_of_value = index == len(items) or items[index][0] != value
        if (
            holds
            and is_last_of_value
            and index >= ENOUGH
            and wilson_lower(agreed, index) >= RELAX_FROM
        ):
            best = (index, value)
    return best
