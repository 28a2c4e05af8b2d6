"""A tier of an escalation, seen by the person it came to: everything that was before."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from approvals_app.core import shown
from approvals_app.models import ApprovalRequest
from workflows_app.models import Scope, StepRun

JSON = Any
DEEPEST = 8  # scopes from the request outwards
MESSAGES = ("messages", "conversation", "transcript", "message")
MESSAGES_SHOWN = 50
TIER = "hand_on"


def case_of(request: ApprovalRequest) -> dict[str, JSON] | None:
    """Give the case that a request is a tier of; None where it stands in no escalation.

    `{tier, original, attempts: [{tier, at, fields, error, path}], moves: [{tier, why, criteria}],
    messages, sentiment, summary}`; texts are cut into visible parts.
    """
    judged, tier = _judged(request)
    if judged is None:
        return None
    moves: list[Mapping[str, JSON]] = [
        row.output for row in judged if row.port == "escalate" and isinstance(row.output, Mapping)
    ]
    last = moves[-1] if moves else {}
    attempts = [one for one in last.get("attempts") or () if isinstance(one, Mapping)]
    original = request.run.input
    return {
        "tier": tier,
        "original": shown.rows(original),
        "attempts": [_attempt(one) for one in attempts],
        "moves": [_move(output) for output in moves],
        "messages": _messages(original, attempts),
        "sentiment": _sentiments(original, attempts),
        "summary": shown.visible(str(last.get("summary") or "")),
    }


def _judged(request: ApprovalRequest) -> tuple[list[StepRun] | None, str]:
    """Look outwards for the scope in which tiers are judged, and give the judges in order."""
    if "." not in request.path:  # it stands in no body
        return None, ""
    scope: Scope | None = request.scope
    for _ in range(DEEPEST):
        if scope is None or scope.parent_id is None or scope.container_id is None:
            break
        container = StepRun.objects.filter(pk=scope.container_id).first()
        found = _judges(scope.parent_id)
        if found and container is not None:
            return found, container.step
        scope = scope.parent
    return None, ""


def _judges(scope_id: UUID) -> list[StepRun]:
    rows = StepRun.objects.filter(scope_id=scope_id, kind=TIER, is_current=True)
    return list(rows.order_by("pk"))


def _attempt(one: Mapping[str, JSON]) -> dict[str, JSON]:
    output, error = one.get("output"), one.get("error")
    return {
        "tier": str(one.get("tier") or ""),
        "at": one.get("at"),
        "fields": shown.rows(output) if output is not None else [],
        "error": shown.visible(_error_text(error)) if error else (),
    }


def _error_text(error: JSON) -> str:
    if isinstance(error, Mapping):
        return str(error.get("message") or error.get("code") or "it failed")
    return str(error)


def _move(output: Mapping[str, JSON]) -> dict[str, JSON]:
    criteria = [one for one in output.get("criteria") or () if isinstance(one, Mapping)]
    return {
        "tier": str(output.get("tier") or ""),
        "why": shown.visible(str(output.get("why") or "")),
        "criteria": criteria,
    }


def _messages(original: JSON, attempts: list[Mapping[str, JSON]]) -> list[dict[str, JSON]]:
    """Give what was said, the customer's words first: lists of messages, or single ones."""
    found = []
    for source, value in (
        ("request", original),
        *((str(a.get("tier")), a.get("output")) for a in attempts),
    ):
        for text in _said(value):
            found.append({"source": source, "parts": shown.visible(text)})
    return found[:MESSAGES_SHOWN]


def _said(value: JSON) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    for name in MESSAGES:
        said = value.get(name)
        if isinstance(said, str) and said:
            yield said
        elif isinstance(said, list):
            for one in said:
                yield _message(one)


def _message(one: JSON) -> str:
    if not isinstance(one, Mapping):
        return shown.value_text(one)
    text = next((one[key] for key in ("text", "content", "body", "message") if one.get(key)), one)
    who = one.get("role") or one.get("from") or one.get("author")
    said = shown.value_text(text)
    return f"{who}: {said}" if who else said


def _sentiments(original: JSON, attempts: list[Mapping[str, JSON]]) -> list[dict[str, str]]:
    sources = [("request", original), *((str(a.get("tier")), a.get("output")) for a in attempts)]
    return [
        {"source": source, "text": str(value["sentiment"])[:100]}
        for source, value in sources
        if isinstance(value, Mapping) and isinstance(value.get("sentiment"), str | int | float)
    ]
