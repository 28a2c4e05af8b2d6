"""What is unusual about a proposal, told against what people approved at the same gate.

Pure: the caller loads the history. Each fact says what it compares and with how many, and
names requests in which that can be checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from approvals_app.core.gates import leaves

JSON = Any
MOST = 3
FEW = 3  # earlier requests about the same customer, before they mean anything
ENOUGH = 10  # earlier requests at the same gate
TIMES = 3.0  # as many times the median is far from it
SHORT = 80  # characters; a longer text is prose, which always differs
RECENT = 10  # decisions after a change, before it is not new any more
SHOWN = 3  # requests named as evidence
EVIDENCE = {
    "links": "links",
    "recommendation": "recommendation",
    "alternatives": "alternatives",
    "impact": "description of the impact",
    "confidence": "confidence",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One request as it was asked; `given` are the kinds of evidence that came with it."""

    number: int
    arguments: JSON
    requester: str
    entity: str = ""
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the proposals rest on has changed, and how many were decided since."""

    what: tuple[str, ...]
    version: int
    before: int
    decided_since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One unusual thing; the heavier, the more surprising.

    Args:
        requests: numbers of requests that show it.
        versions: two versions whose difference shows it.
    """

    code: str
    text: str
    weight: float
    requests: tuple[int, ...] = ()
    versions: tuple[int, ...] = ()

    def as_json(self) -> dict[str, JSON]:
        """Give it as it is stored and shown."""
        return {
            "code": self.code,
            "text": self.text,
            "requests": list(self.requests),
            "versions": list(self.versions),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What people approved before, newest first: at the gate, and there about the same entity."""

    gate: Sequence[Proposal] = ()
    entity: Sequence[Proposal] = ()
    entity_word: str = ""
    entity_argument: str = ""
    change: Change | None = None
    seen: Mapping[str, Sequence[tuple[int, JSON]]] = field(default_factory=dict)


def unusual(proposal: Proposal, history: History) -> list[Fact]:
    """Give at most three facts, the most surprising first; nothing without a history."""
    own = values_of(history.entity)
    usual = history.seen or values_of(history.gate)
    found: list[Fact] = []
    for name, value in leaves(proposal.arguments):
        fact = _far_for_entity(name, value, own.get(name, ()), history)
        fact = fact or _new_for_entity(name, value, own.get(name, ()), history)
        fact = fact or _far_for_gate(name, value, usual.get(name, ()))
        fact = fact or _new_for_gate(name, value, usual.get(name, ()), history)
        if fact is not None:
            found.append(fact)
    if len(history.gate) >= ENOUGH:
        found += _fields(proposal, history.gate, usual)
        found += _requester(proposal, history.gate)
        found += _evidence(proposal, history.gate)
    if history.change is not None and history.change.decided_since < RECENT:
        found.append(_changed(history.change))
    return sorted(found, key=lambda fact: -fact.weight)[:MOST]


def values_of(proposals: Sequence[Proposal]) -> dict[str, list[tuple[int, JSON]]]:
    """Give the values that each argument had, with the numbers of their requests."""
    found: dict[str, list[tuple[int, JSON]]] = {}
    for one in proposals:
        for name, value in leaves(one.arguments):
            found.setdefault(name, []).append((one.number, value))
    return found


def _numbers(values: Sequence[tuple[int, JSON]]) -> list[float]:
    return [value for _, value in values if _is_number(value)]


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _latest(values: Sequence[tuple[int, JSON]]) -> tuple[int, ...]:
    return tuple(number for number, _ in values[:SHOWN])


def _far_for_entity(
    name: str, value: JSON, values: Sequence[tuple[int, JSON]], history: History
) -> Fact | None:
    numbers = _numbers(values)
    if not _is_number(value) or len(numbers) < FEW:
        return None
    middle = median(numbers)
    if middle <= 0 or value < 0:
        return None
    if value >= TIMES * middle:
        how = f"{value / middle:.1f} times"
    elif value > 0 and value * TIMES <= middle:
        how = f"a {_ordinal(middle / value)} of"
    else:
        return None
    text = (
        f"{name} is {how} this {history.entity_word}'s median"
        f" ({number_text(middle)} in {len(numbers)} approved)."
    )
    weight = 90 + min(9.0, max(value, middle) / max(min(value, middle), 1e-9) / 10)
    return Fact(code="entity_amount", text=text, weight=weight, requests=_latest(values))


def _ordinal(ratio: float) -> str:
    words = {3: "third", 4: "quarter", 5: "fifth"}
    return words.get(int(ratio), f"{int(ratio)}th")


def _new_for_entity(
    name: str, value: JSON, values: Sequence[tuple[int, JSON]], history: History
) -> Fact | None:
    if name == history.entity_argument or not _is_word(value) or len(values) < FEW:
        return None
    before = {_word(one) for _, one in values}
    if len(before) != 1 or _word(value) in before:
        return None
    text = (
        f"{name} is new for this {history.entity_word}: all {len(values)} approved before had"
        f" {_quoted(before.pop())}."
    )
    return Fact(code="entity_changed", text=text, weight=95, requests=_latest(values))


def _far_for_gate(name: str, value: JSON, values: Sequence[tuple[int, JSON]]) -> Fact | None:
    numbers = sorted(_numbers(values))
    if not _is_number(value) or len(numbers) < ENOUGH:
        return None
    cut = len(numbers) // 20
    low, high = numbers[cut], numbers[-1 - cut]
    slack = max(high - low, abs(high), abs(low)) * 0.25
    if low - slack <= value <= high + slack:
        return None
    text = (
        f"{name} is outside what is usual here: {number_text(low)} to {number_text(high)}"
        f" in {len(numbers)} approved."
    )
    return Fact(code="gate_amount", text=text, weight=80, requests=_latest(values))


def _new_for_gate(
    name: str, value: JSON, values: Sequence[tuple[int, JSON]], history: History
) -> Fact | None:
    if name == history.entity_argument or not _is_word(value) or len(values) < ENOUGH:
        return None
    known = {_word(one) for _, one in values}
    if _word(value) in known or len(known) > max(3, len(values) // 10):
        return None
    text = f"{name} was never {_quoted(_word(value))} here, in {len(values)} approved."
    return Fact(code="gate_value", text=text, weight=75, requests=_latest(values))


def _is_word(value: JSON) -> bool:
    """Tell whether a value is one of a kind of list, not an amount and not prose."""
    if isinstance(value, bool):
        return True
    return isinstance(value, str) and 0 < len(value) <= SHORT and "\n" not in value


def _word(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return f"“{text[:SHORT]}”"


def _fields(
    proposal: Proposal, gate: Sequence[Proposal], usual: Mapping[str, Sequence[tuple[int, JSON]]]
) -> list[Fact]:
    total, numbers = len(gate), tuple(one.number for one in gate[:SHOWN])
    here = {name for name, _ in leaves(proposal.arguments)}
    found = [
        Fact(
            code="argument_new",
            text=f"{name} was never given here, in {total} approved.",
            weight=78,
            requests=numbers,
        )
        for name in sorted(here - usual.keys())[:MOST]
    ]
    missing = sorted(name for name, had in usual.items() if len(had) >= total and name not in here)
    return found + [
        Fact(
            code="argument_missing",
            text=f"{name} is missing; all {total} approved here had it.",
            weight=68,
            requests=numbers,
        )
        for name in missing[:MOST]
    ]


def _requester(proposal: Proposal, gate: Sequence[Proposal]) -> list[Fact]:
    if any(one.requester == proposal.requester for one in gate):
        return []
    text = f"This is the first for {proposal.requester} here, after {len(gate)} approved for others"
    numbers = tuple(one.number for one in gate[:SHOWN])
    return [Fact(code="requester_new", text=f"{text}.", weight=55, requests=numbers)]


def _evidence(proposal: Proposal, gate: Sequence[Proposal]) -> list[Fact]:
    found = []
    for kind, words in EVIDENCE.items():
        had = [one.number for one in gate if kind in one.given]
        if kind in proposal.given or len(had) < 0.9 * len(gate):
            continue
        share = round(100 * len(had) / len(gate))
        text = f"It came without {words}; {share}% of {len(gate)} approved here had them."
        if kind in ("recommendation", "impact", "confidence"):
            text = f"It came without a {words}; {share}% of {len(gate)} approved here had one."
        numbers = tuple(had[:SHOWN])
        found.append(Fact(code="evidence_missing", text=text, weight=60, requests=numbers))
    return found


def _changed(change: Change) -> Fact:
    more = len(change.what) - 2
    what = " and ".join(change.what[:2]) + (f" and {more} more" if more > 0 else "")
    since = change.decided_since
    decided = "nothing was" if since == 0 else "one was" if since == 1 else f"{since} were"
    what = what[:1].upper() + what[1:]
    text = f"{what} changed with version {change.version}; {decided} decided since."
    versions = (change.before, change.version)
    return Fact(code="changed", text=text, weight=85, versions=versions)


def number_text(value: float) -> str:
    """Give a number as people read it: 1,840 or 297.5."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"
