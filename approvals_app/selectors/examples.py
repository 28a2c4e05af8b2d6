"""What people corrected, as examples for an evaluation: the proposal, and what was right."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from approvals_app.models import Vote
from approvals_app.selectors.requests import approval_visible
from workflows_app.models.fields import json_dump
from workflows_app.selectors.people import Principal

JSON = Any
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins with these
COLUMNS = (
    "request",
    "workflow",
    "version",
    "gate",
    "risk",
    "confidence",
    "kind",
    "input",
    "proposed",
    "corrected",
    "reason",
    "by",
    "at",
)


def example_list(*, actor: Principal, workflow: str = "", gate: str = "") -> QuerySet[Vote]:
    """Give the answers in force that corrected an agent or a rule, newest first."""
    given = Q(edit__isnull=False) | Q(decision="take_over") | Q(answer__isnull=False)
    votes = Vote.objects.filter(
        given,
        request__in=approval_visible(actor=actor),
        request__mode="live",
        is_decisive=True,
        undone__isnull=True,
    )
    if workflow:
        votes = votes.filter(request__workflow__slug=workflow)
    if gate:
        votes = votes.filter(request__gate=gate)
    parts = ("request__workflow", "request__version", "request__run", "person", "edit")
    return votes.select_related(*parts).order_by("-pk")


def example_shape(vote: Vote) -> dict[str, JSON]:
    """Give one example; `corrected` is what the person put in the place of `proposed`."""
    request, answer = vote.request, vote.answer or {}
    edit = getattr(vote, "edit", None)
    action = (edit.before if edit else request.action) or {}
    kind, corrected = "edited", (edit.after or {}).get("arguments") if edit else None
    if edit is None:
        kind = next((name for name in ("label", "output", "changes") if name in answer), "output")
        corrected = answer.get(kind)
        kind = "taken_over" if vote.decision == "take_over" else kind
    return {
        "request": request.number,
        "workflow": request.workflow.slug,
        "version": request.version.number,
        "gate": request.gate,
        "risk": request.risk,
        "confidence": request.confidence,
        "kind": kind,
        "input": request.run.input,
        "proposed": action.get("arguments"),
        "corrected": corrected,
        "reason": vote.reason,
        "by": f"user:{vote.person.username}",
        "at": vote.at.isoformat().replace("+00:00", "Z"),
    }


def examples_csv(rows: Iterable[dict[str, JSON]]) -> str:
    """Give examples as CSV: values that are no text as JSON, formulas made harmless."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: JSON) -> str:
    text = "" if value is None else value if isinstance(value, str) else json_dump(value)
    return f"'{text}" if text.startswith(FORMULA) else text
