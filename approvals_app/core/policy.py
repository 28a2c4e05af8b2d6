"""Who may answer a request, and when their answers decide it.

A *seat* is one assignee's right to one answer. A delegate sits in the seat of the person who
handed it on, instead of that person: whoever of the two answers first uses it up. People are
named by their user id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

type Person = int
type Need = int | Literal["all"]

RISKS = ("low", "medium", "high", "critical")
WITH_REASON = frozenset({"high", "critical"})
WITH_TWO = frozenset({"critical"})


class Refusal(StrEnum):
    """Why a person may not answer."""

    REQUESTER = "requester"  # asked for it, wrote it or owns its credential: four eyes
    STRANGER = "stranger"  # was not asked
    ANSWERED = "answered"  # has answered, or somebody has in their seat


REFUSAL_WORDS = {
    Refusal.REQUESTER: "You asked for this, wrote it or own its credential: "
    "somebody else must decide.",
    Refusal.STRANGER: "You were not asked to decide this.",
    Refusal.ANSWERED: "You have answered, or somebody has in your place.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What decides who may answer, read at the moment of the answer.

    Args:
        assigned: everybody asked so far, groups resolved.
        present: those asked by the newest rung; `all` counts them.
        requesters: who started the run, edited the version or last set the credential.
        starter: who started the run; may answer a rehearsal.
        delegations: seat -> the people it was handed to.
    """

    need: Need
    risk: str
    is_rehearsal: bool
    assigned: frozenset[Person]
    present: frozenset[Person]
    requesters: frozenset[Person]
    starter: Person | None
    delegations: Mapping[Person, frozenset[Person]]

    @property
    def seats(self) -> frozenset[Person]:
        """Give the people who hold a seat of their own."""
        if not self.is_rehearsal:
            return self.assigned - self.requesters
        return self.assigned | ({self.starter} if self.starter is not None else set())

    @property
    def voters(self) -> frozenset[Person]:
        """Give everybody who may answer: seat holders and their delegates."""
        found = set(self.seats)
        for seat in self.seats:
            found |= self.delegations.get(seat, frozenset())
        return frozenset(found) if self.is_rehearsal else frozenset(found) - self.requesters

    @property
    def counted(self) -> frozenset[Person]:
        """Give the seats that `all` waits for."""
        return self.seats & self.present or self.seats

    @property
    def required(self) -> int:
        """Give how many people must agree.

        Critical risk wants two whatever the gate says. A rehearsal asks for no more people
        than it has, so that its starter can walk through it alone.
        """
        least = 2 if self.risk in WITH_TWO else 1
        number = len(self.counted) if self.need == "all" else self.need
        number = max(number, least)
        return max(1, min(number, self.able)) if self.is_rehearsal else number

    @property
    def able(self) -> int:
        """Give how many different people could answer from different seats, at most."""
        return min(len(self.seats), len(self.voters))

    @property
    def can_be_met(self) -> bool:
        """Tell whether enough people could ever agree."""
        return len(self.seats) > 0 and self.able >= self.required


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One counted answer."""

    person: Person
    seat: Person


def seat_for(gate: Gate, person: Person, votes: Sequence[Vote]) -> Person | Refusal:
    """Give the seat that `person` answers from, their own before one handed to them."""
    if person in gate.requesters and not gate.is_rehearsal:
        return Refusal.REQUESTER
    if person not in gate.voters:
        return Refusal.STRANGER
    used = {vote.seat for vote in votes}
    if any(vote.person == person for vote in votes):
        return Refusal.ANSWERED
    if person in gate.seats and person not in used:
        return person
    for seat in sorted(gate.seats - used):
        if person in gate.delegations.get(seat, frozenset()):
            return seat
    return Refusal.ANSWERED


def is_met(gate: Gate, votes: Sequence[Vote]) -> bool:
    """Tell whether these agreeing votes are enough: different people, different seats."""
    people = {vote.person for vote in votes}
    seats = {vote.seat for vote in votes}
    if min(len(people), len(seats)) < gate.required:
        return False
    return gate.need != "all" or gate.is_rehearsal or gate.counted <= seats


def can_still_be_met(gate: Gate, votes: Sequence[Vote]) -> bool:
    """Tell whether the votes there are and those who may still answer are enough together."""
    seats = {vote.seat for vote in votes} | gate.seats
    people = {vote.person for vote in votes} | gate.voters
    return min(len(seats), len(people)) >= gate.required


def wants_reason(*, decision: str, risk: str) -> bool:
    """Tell whether the answer must say why."""
    return decision == "reject" or risk in WITH_REASON
