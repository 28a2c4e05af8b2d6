"""Turn a request into what its page shows."""

from datetime import datetime
from typing import Any

from approvals_app.core import shown
from approvals_app.core.policy import REFUSAL_WORDS, wants_reason
from approvals_app.core.sla import share_left, snooze_choices_left
from approvals_app.core.states import ApprovalState
from approvals_app.forms import ArgumentsForm
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.case import case_of
from approvals_app.selectors.context import (
    confidence_record,
    own_record,
    record_of,
    run_steps,
)
from approvals_app.selectors.hand_off import hand_off
from approvals_app.selectors.people import Directory, gate_of, names_to_ask
from approvals_app.selectors.queue import looking_at
from approvals_app.selectors.requests import actions_allowed, answers_for, refusal_of
from approvals_app.selectors.shapes import votes_shape
from approvals_app.selectors.surroundings import consequences_of
from approvals_app.selectors.unusual import warnings_of
from approvals_app.steps import ApprovalSettings
from approvals_app.views.answering import answering
from approvals_app.views.plan import changes_diff, changes_number, plan_shown
from workflows_app.core.canonical import canonical_bytes
from workflows_app.core.strict_json import strict_loads
from workflows_app.models import StepRun, User

JSON = Any
UNSURE = 0.6  # confidence below this is marked
HOT = 0.25  # of the time: from here on the page says so
BOUND = (
    "kind",
    "tool",
    "tool_version",
    "schema",
    "target",
    "credentials",
    "run",
    "path",
    "generation",
    "definition",
    "lapses_at",
)


def clock(request: ApprovalRequest, now: datetime) -> dict[str, JSON]:
    """Give how much time is left, and whether that is little."""
    due = request.next_due_at or request.deadline_at
    share = share_left(opened_at=request.requested_at, due_at=due, now=now)
    return {
        "due": due,
        "left": shown.countdown((due - now).total_seconds()),
        "share": share,
        "is_hot": request.state == ApprovalState.PENDING and share <= HOT,
    }


def row(request: ApprovalRequest, now: datetime) -> dict[str, JSON]:
    """Give one line of the inbox, of what `selectors.queue.lines` reads."""
    return {
        **clock(request, now),
        "request": request,
        "summary": shown.visible(request.summary),
        "tag": _tag(request),
        "is_veiled": request.is_blind and request.state == ApprovalState.PENDING,
    }


def _tag(request: Any) -> tuple[str, str] | None:
    """Give the one mark of a line as (icon, words), the most telling first."""
    votes: int = request.votes_now
    is_pending = request.state == ApprovalState.PENDING
    is_unsure = request.confidence is not None and request.confidence < UNSURE
    marks = (
        (not is_pending and request.is_edited, "pencil", "Edited"),
        (is_pending and votes > 0, "users", f"{votes} answered, more are needed"),
        (is_pending and request.climbed > 0, "chevrons-up", "Escalated"),
        (is_pending and request.is_handed, "corner-down-right", "Delegated"),
        (request.mode == "rehearsal", "flask-conical", "Rehearsal"),
        (request.reason == "review", "eye", "Review of what was done"),
        (is_pending and request.is_blind, "shuffle", "Blind check"),
        (is_pending and is_unsure, "gauge", "Low confidence"),
    )
    return next(((icon, words) for holds, icon, words in marks if holds), None)


def detail(
    request: ApprovalRequest,
    *,
    user: User,
    now: datetime,
    edited: JSON = None,
    changed: JSON = None,
    posted: Any = None,
    problem: JSON = None,
) -> dict[str, JSON]:
    """Give everything that the page of a request shows to `user`.

    Args:
        edited: the action as an edit would make it; its diff is shown instead of the fields.
        changed: how a checkpoint would change the plan.
        posted: what was sent, kept where it was refused because of `problem`.
    """
    action = bound_action(request)
    directory = Directory(request.workspace_id)
    gate = gate_of(request, directory)
    step_run = StepRun.objects.filter(pk=request.step_run_id).first()
    allowed = actions_allowed(request, user, now, directory, gate=gate)
    is_pending = request.state == ApprovalState.PENDING
    refusal = refusal_of(request, user, gate) if is_pending else None
    arguments = action.get("arguments")
    is_irreversible = step_run is not None and step_run.effect == "irreversible"
    record = record_of(request)
    # Whoever may still answer a blind check sees what the agent thinks only afterwards.
    is_veiled = request.is_blind and bool(set(allowed) & set(request.decisions))
    return {
        "approval": request,
        "line": clock(request, now),
        "allowed": allowed,
        "can": {name: name in allowed for name in (*request.decisions, "undo", "delegate")},
        "may_decide": bool(set(allowed) & set(request.decisions)),
        "may_edit": bool({"approve", "edit"} & set(allowed)) and request.reason != "checkpoint",
        "may_approve": bool({"approve", "answer", "label"} & set(allowed)),
        "refusal": REFUSAL_WORDS.get(refusal) if refusal else None,
        "gate": gate,
        "is_irreversible": is_irreversible,
        "wants_confirmation": request.risk == "critical" or is_irreversible,
        "wants_reason": wants_reason(decision="approve", risk=request.risk),
        "summary": shown.visible(request.summary),
        "is_veiled": is_veiled,
        "recommendation": shown.visible("" if is_veiled else request.recommendation),
        "details": shown.visible(request.details),
        "impact": [shown.visible(line) for line in request.impact.splitlines() if line.strip()],
        "alternatives": [_alternative(one, is_veiled=is_veiled) for one in request.alternatives],
        "fields": shown.rows(_asked(request, arguments)) if _asked(request, arguments) else [],
        "bound": shown.rows({name: action.get(name) for name in BOUND if name in action}),
        "payload": shown.visible(_payload(request, is_veiled=is_veiled)),
        **_changes(request, arguments, edited, changed),
        **_words(request),
        "answering": answering(request, step_run, allowed, posted=posted, problem=problem),
        "plan": plan_shown(request, posted) if request.reason == "checkpoint" else None,
        **(_consequences(request, step_run) if is_pending else {}),
        "names": names_to_ask(request) if "delegate" in allowed else [],
        "since": _since(request, arguments),
        "warnings": warnings_of(request),
        "votes": votes_shape(request, user),
        "then": _then(request),
        "steps": run_steps(request),
        "record": record,
        "track": confidence_record(request),
        "answers_for": answers_for(request, user, gate) if is_pending else None,
        "looking": looking_at(request, user=user, now=now),
        "comments": request.comments.select_related("person").order_by("pk"),
        "snoozes": snooze_choices(request, now) if allowed and is_pending else [],
        "own": own_record(request, user, now),
        "handed": hand_off(request, user, record),
        "asked_first": _asked_first(request),
        "case": case_of(request),
        "form": ArgumentsForm(arguments) if request.action else None,
        "seconds_left": _seconds_left(request, now),
    }


def _payload(request: ApprovalRequest, *, is_veiled: bool) -> str:
    if is_veiled and request.is_question:  # a question's action holds the agent's view as well
        return "It shows once you have answered."
    return canonical_bytes(request.action).decode() if request.action else ""


def _asked_first(request: ApprovalRequest) -> list[str]:
    """Give who was asked before any rung of the ladder was reached."""
    reached = request.ladder[: request.climbed]
    later = {name for rung in reached for name in rung["assignees"]}
    return [name for name in request.assignees if name not in later] or request.present


# What a question is made of; shown as itself, not as fields of an action.
ASKING = frozenset(ApprovalSettings.model_fields) | {"when"}


def _asked(request: ApprovalRequest, arguments: JSON) -> JSON:
    """Give what of the action is shown as fields: of a question only what is beyond asking."""
    if not isinstance(arguments, dict) or request.reason == "review":
        return arguments
    if request.reason == "checkpoint":
        return arguments.get("show")
    if not request.is_question:
        return arguments
    return {name: value for name, value in arguments.items() if name not in ASKING}


def _changes(
    request: ApprovalRequest, arguments: JSON, edited: JSON, changed: JSON
) -> dict[str, JSON]:
    if changed is not None:
        return {"diff": changes_diff(request, changed), "changes": changes_number(changed)}
    if edited is None:
        return {"diff": _own_edit(request), "changes": 0}
    return {
        "diff": shown.diff(arguments, edited),
        "changes": shown.changes_count(arguments, edited),
    }


def _consequences(request: ApprovalRequest, step_run: StepRun | None) -> dict[str, JSON]:
    """Give what a no takes back, where something was done already."""
    if request.reason != "review" or step_run is None:
        return {}
    found = consequences_of(request, step_run)
    undone = [
        {
            "path": undo.path,
            "tool": undo.spec.get("tool"),
            "parts": shown.visible(shown.value_text(undo.spec.get("arguments") or {})[:300]),
        }
        for undo in found.undone
    ]
    return {"consequences": found, "undone": undone}


def _words(request: ApprovalRequest) -> dict[str, str]:
    """Give what yes and no are called here."""
    yes, no = {
        "review": ("Confirm", "Revert"),
        "checkpoint": ("Continue", "Stop"),
    }.get(request.reason, ("Approve", "Reject"))
    return {"yes": yes, "no": no}


def _alternative(one: dict[str, JSON], *, is_veiled: bool) -> dict[str, JSON]:
    return {
        "summary": shown.visible(one["summary"]),
        "why": shown.visible(one["why"]),
        "confidence": None if is_veiled else one["confidence"],
    }


def snooze_choices(request: ApprovalRequest, now: datetime) -> list[tuple[int, str]]:
    """Give for how many minutes a person may look away, with the words for it."""
    left = request.deadline_at - now
    return [(minutes, shown.countdown(minutes * 60)) for minutes in snooze_choices_left(left)]


def bound_action(request: ApprovalRequest) -> dict[str, JSON]:
    """Read the action back from the very bytes that are hashed."""
    return strict_loads(canonical_bytes(request.action)) if request.action else {}


def _own_edit(request: ApprovalRequest) -> list[shown.Row] | None:
    """Give the diff of an edit that stands, against what the agent proposed."""
    edits = list(request.edits.all())
    standing = [edit for edit in edits if edit.digest_after == request.digest]
    if not standing:
        return None
    original = (edits[0].before or {}).get("arguments")
    return shown.diff(original, (request.action or {}).get("arguments"))


def _since(request: ApprovalRequest, arguments: JSON) -> list[shown.Row] | None:
    """Give what has changed since the request that this one replaces."""
    before = request.previous
    if before is None or before.digest == request.digest or not before.action:
        return None
    return shown.diff(before.action.get("arguments"), arguments)


def _then(request: ApprovalRequest) -> str:
    """Say what happens when nobody answers."""
    if request.climbed < len(request.ladder):
        people = ", ".join(request.ladder[request.climbed]["assignees"])
        return f"Then {people} are asked as well, step {request.climbed + 1} of " + str(
            len(request.ladder)
        )
    if request.on_timeout == "fail":
        return "Then the step fails"
    return "Then it is denied"


def _seconds_left(request: ApprovalRequest, now: datetime) -> int:
    """Give how long a decision can still be taken back."""
    if request.effective_at is None:
        return 0
    return max(0, round((request.effective_at - now).total_seconds()))
