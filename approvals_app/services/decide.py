"""The one way to answer a request; every page, token and batch ends up here.

Decision, expiry and cancel meet under the scope's lock, by the database's clock: the first
wins and the others are told who did.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import prefetch_related_objects

from approvals_app.core.answers import TRIGGERS, Answer, accepts, problems
from approvals_app.core.policy import REFUSAL_WORDS, Gate, Person, Refusal, is_met, seat_for
from approvals_app.core.policy import Vote as Counted
from approvals_app.core.states import ApprovalState, Trigger
from approvals_app.models import ApprovalRequest, Edit, Vote
from approvals_app.selectors.people import SHOWN, gate_of, votes_counted, votes_undone
from approvals_app.services import record, told
from approvals_app.services.announce import announce
from approvals_app.services.edits import answer_check
from approvals_app.services.expire import overdue_close
from approvals_app.services.record import Held
from approvals_app.services.undo import undo_window
from workflows_app.core.action import action_digest
from workflows_app.errors import Conflict, DomainError, Forbidden, IllegalState, Invalid
from workflows_app.models import StepRun, User
from workflows_app.selectors.people import Actor

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The answer does not count; what must be recorded about that already is."""

    error: DomainError


def approval_decide(
    *,
    approval_id: UUID,
    actor: Actor,
    via: str,
    decision: str,
    digest: str,
    reason: str = "",
    arguments: JSON = None,
    label: JSON = None,
    output: JSON = None,
    changes: JSON = None,
    undo_seconds: int | None = None,
) -> ApprovalRequest:
    """Record one person's answer, and end the request where that settles it.

    Args:
        via: page, token or mail. A page has an undo window unless told otherwise.
        digest: of the action that the person saw.
        undo_seconds: how long the decision can be taken back, 0 to 60.

    Raises:
        NotFound: no such request where the actor may look.
        Forbidden: a service, who asked for it, or somebody who was not asked.
        Conflict: decided, closed, or about another action; `decided` says who and when.
        Invalid: a reason is missing, or what was supplied does not fit.
    """
    person = record.decider_of(actor, approval_id)
    answer = Answer(
        decision=decision,
        digest=digest,
        reason=(reason or "").strip(),
        arguments=arguments,
        label=label,
        output=output,
        changes=changes,
    )
    with transaction.atomic():
        held = record.request_hold(approval_id=approval_id, workspaces=record.spaces_of(actor))
        case = _Case(held, person, answer, via, undo_window(person, via, undo_seconds))
        result = case.settle()
    if isinstance(result, Refused):
        raise result.error
    return result


class _Case:
    """One answer to one request, under its lock."""

    def __init__(
        self, held: Held, person: User, answer: Answer, via: str, window: timedelta
    ) -> None:
        self.request = held.request
        self.now = held.now
        self.person = person
        self.answer = answer
        self.via = via
        self.window = window
        prefetch_related_objects([self.request], SHOWN, "delegations")
        self.votes = votes_counted(self.request)
        self.gate: Gate = gate_of(self.request)

    def settle(self) -> ApprovalRequest | Refused:
        """Judge the answer and write it; a refusal is a value, so that its record commits."""
        if self._is_repeat():
            return self.request
        seat = self._seat()
        if isinstance(seat, Refused):
            return seat
        if self.request.state == ApprovalState.PENDING and self.request.deadline_at <= self.now:
            overdue_close(self.request, now=self.now)
        if conflict := self._conflict():
            return Refused(error=conflict)
        step_run = StepRun.objects.get(pk=self.request.step_run_id)
        self._check(step_run)
        return self._write(seat, step_run)

    def _is_repeat(self) -> bool:
        return any(
            vote.person_id == self.person.pk and vote.body_digest == self.answer.body_digest
            for vote in self.votes
        )

    def _seat(self) -> Person | Refused:
        counted = [Counted(person=vote.person_id, seat=vote.seat_id) for vote in self.votes]
        seat = seat_for(self.gate, self.person.pk, counted)
        if seat is Refusal.ANSWERED:
            if self.request.state != ApprovalState.PENDING:
                return self.person.pk  # the state below says more than "you have voted"
            return Refused(error=self._answered())
        return self._refuse(seat) if isinstance(seat, Refusal) else seat

    def _refuse(self, refusal: Refusal) -> Refused:
        record.history_write(
            self.request.run_id,
            [
                record.event(
                    self.request,
                    "refused",
                    actor=f"user:{self.person.username}",
                    why=REFUSAL_WORDS[refusal],
                    data={"code": refusal.value, "decision": self.answer.decision, "via": self.via},
                )
            ],
        )
        return Refused(error=Forbidden(REFUSAL_WORDS[refusal], code=refusal.value))

    def _answered(self) -> Conflict:
        own = [v for v in self.votes if self.person.pk in (v.person_id, v.seat_id)]
        vote = (own or self.votes)[-1]
        return Conflict(
            "This has your answer already: each person answers once.",
            code="already_answered",
            decided=told.vote_shape(vote),
        )

    def _conflict(self) -> Conflict | None:
        if self.request.state != ApprovalState.PENDING:
            message = f"This request is {self.request.state.replace('_', ' ')} already."
            return Conflict(
                message,
                code="already_decided",
                state=self.request.state,
                decided=told.decided_shape(self.request),
            )
        if self.answer.digest != self.request.digest:
            edit = self.request.edits.select_related("vote__person").order_by("pk").last()
            return Conflict(
                "The action is no longer the one you saw.",
                code="stale_digest",
                digest=self.request.digest,
                decided=told.vote_shape(edit.vote) if edit else None,
            )
        if self.request.action and action_digest(self.request.action) != self.request.digest:
            return Conflict("The stored action does not match its digest.", code="void")
        return None

    def _check(self, step_run: StepRun) -> None:
        if not accepts(frozenset(self.request.decisions), self.answer):
            raise IllegalState(
                f"This request does not offer {self.answer.decision}.",
                allowed=self.request.decisions,
            )
        if found := problems(self.answer, risk=self.request.risk):
            raise Invalid(found[0]["message"], problems=found)
        self.action = answer_check(self.request, step_run, self.answer)

    def _write(self, seat: Person, step_run: StepRun) -> ApprovalRequest:
        request = self.request
        before = (request.action, request.digest)
        if self.action is not None:
            request.action, request.digest = self.action, action_digest(self.action)
        agreed = self.answer.agreed_digest(request.digest)
        is_other = any(vote.answer_digest != agreed for vote in self.votes)
        cleared: list[str] = []
        if self.answer.decision != "reject" and (is_other or self.action is not None):
            cleared = [vote.person.username for vote in self.votes]
            request.round += 1
            self.votes = []
        vote = self._vote(seat, agreed)
        is_final = self._is_final(vote)
        vote.is_decisive = is_final
        vote.save()
        self.votes.append(vote)
        if self.action is not None:
            Edit.objects.create(
                request=request,
                vote=vote,
                before=before[0],
                after=request.action,
                digest_before=before[1],
                digest_after=request.digest,
                at=self.now,
            )
        trigger = TRIGGERS[self.answer.decision] if is_final else Trigger.VOTE
        states = record.move(request, trigger)
        effective_at = self._effective_at(step_run)
        if is_final:
            self._end(vote, effective_at)
        request.save(update_fields=record.ANSWERED)
        event = self._event(vote, states, effective_at if is_final else None, cleared)
        record.history_write(request.run_id, [event])
        return request

    def _vote(self, seat: Person, agreed: str) -> Vote:
        undone = votes_undone(self.request)
        return Vote(
            request=self.request,
            round=self.request.round,
            turn=undone + 1,
            person=self.person,
            seat_id=seat,
            decision=self.answer.decision,
            reason=self.answer.reason,
            digest=self.answer.digest,
            answer=self.answer.given or None,
            answer_digest=agreed,
            body_digest=self.answer.body_digest,
            via=self.via,
            is_own_rehearsal=self.gate.is_rehearsal and self.person.pk in self.gate.requesters,
            at=self.now,
        )

    def _is_final(self, vote: Vote) -> bool:
        if vote.decision == "reject":
            return True
        votes = [*self.votes, vote]
        return is_met(self.gate, [Counted(person=v.person_id, seat=v.seat_id) for v in votes])

    def _effective_at(self, step_run: StepRun) -> datetime:
        """Give when the decision takes effect: at once where it could not be taken back."""
        is_irreversible = self.request.reason == "approval" and step_run.effect == "irreversible"
        if is_irreversible or self.request.risk == "critical":
            return self.now
        return self.now + self.window

    def _end(self, vote: Vote, effective_at: datetime) -> None:
        request = self.request
        request.decided_by = self.person
        request.decided_at = request.closed_at = self.now
        request.effective_at = effective_at
        request.next_due_at = None
        fact = told.decided_fact(request, self.answer, f"user:{self.person.username}")
        record.engine_tell(request, fact, effective_at=effective_at, now=self.now)
        announce([(request, "approval.decided", told.decided_told(vote, effective_at))])

    def _event(
        self,
        vote: Vote,
        states: tuple[str, str],
        effective_at: datetime | None,
        cleared: list[str],
    ) -> dict[str, JSON]:
        data: dict[str, JSON] = {
            "decision": vote.decision,
            "digest": self.request.digest,
            "seen_digest": vote.digest,
            "risk": self.request.risk,
            "via": vote.via,
            "round": vote.round,
            "votes": len(self.votes),
            "required": self.gate.required,
            "effective_at": effective_at.isoformat() if effective_at else None,
            **self.answer.given,
        }
        if vote.seat_id != vote.person_id:
            data["instead_of"] = f"user:{vote.seat.username}"
        if vote.is_own_rehearsal:
            data["own_rehearsal"] = True
        if cleared:
            data["cleared"] = [f"user:{name}" for name in cleared]
        why, more = told.sealed(self.request, self.votes, vote, is_final=effective_at is not None)
        return record.event(
            self.request,
            "decided",
            actor=f"user:{self.person.username}",
            states=states,
            trigger=vote.decision,
            why=why,
            data={**data, **more},
        )
