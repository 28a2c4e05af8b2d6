"""Rows for the tests of pages: people, a workflow, and runs in every state."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from workflows_app.models import (
    Attempt,
    Member,
    Run,
    RunEvent,
    Scope,
    StepRun,
    User,
    Workflow,
    WorkflowVersion,
    Workspace,
)

DEFINITION: dict[str, Any] = {
    "format": 1,
    "name": "Refund triage",
    "input": {
        "type": "object",
        "required": ["message", "amount"],
        "properties": {
            "message": {"type": "string", "description": "What the customer wrote"},
            "amount": {"type": "number"},
            "urgency": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "paid_on": {"type": "string", "format": "date"},
            "customer": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "is_new": {"type": "boolean"}},
            },
            "orders": {"type": "array", "items": {"type": "string"}},
        },
        "examples": [{"message": "Charged twice", "amount": 1840}],
    },
    "output": "=steps.issue.output",
    "steps": [
        {"id": "redact", "kind": "guard", "with": {"checks": [], "value": "=input.message"}},
        {"id": "payments", "kind": "tool", "with": {"tool": "payments.list"}},
        {"id": "read_thread", "kind": "agent", "with": {"model": "small", "prompt": "Read"}},
        {"id": "fraud_score", "kind": "tool", "with": {"tool": "fraud.score"}},
        {"id": "draft", "kind": "agent", "with": {"model": "large", "prompt": "Draft"}},
        {
            "id": "over_limit",
            "kind": "decision",
            "with": {"branches": [{"port": "yes", "when": "true"}]},
        },
        {
            "id": "approve_refund",
            "kind": "approval",
            "with": {"summary": "Refund", "assignees": ["group:x"]},
        },
        {"id": "auto_approve", "kind": "transform", "with": {"value": 1}},
        {
            "id": "issue",
            "kind": "tool",
            "with": {"tool": "payments.refund"},
            "undo": {"tool": "payments.reverse"},
        },
        {
            "id": "notify",
            "kind": "map",
            "with": {
                "items": "=input.orders",
                "body": {"steps": [{"id": "send", "kind": "tool", "with": {"tool": "mail.send"}}]},
            },
        },
    ],
    "edges": [
        {"from": "redact", "to": "payments"},
        {"from": "redact", "to": "read_thread"},
        {"from": "redact", "to": "fraud_score"},
        {"from": "payments", "to": "draft"},
        {"from": "read_thread", "to": "draft"},
        {"from": "fraud_score", "to": "draft"},
        {"from": "draft", "to": "over_limit"},
        {"from": "over_limit.yes", "to": "approve_refund"},
        {"from": "over_limit.default", "to": "auto_approve"},
        {"from": "approve_refund", "to": "issue"},
        {"from": "auto_approve", "to": "issue"},
        {"from": "issue", "to": "notify"},
    ],
}


def workspace_make(slug: str = "default") -> Workspace:
    return Workspace.objects.create(slug=slug, name=slug.title(), is_default=slug == "default")


def user_make(
    name: str, workspace: Workspace | None = None, roles: tuple[str, ...] = ("viewer", "operator")
) -> User:
    user = User.objects.create_user(username=name, password="long enough to guess")
    if workspace is not None:
        Member.objects.create(workspace=workspace, user=user, roles=list(roles))
    return user


def workflow_make(workspace: Workspace, slug: str = "refund", **fields: Any) -> Workflow:
    name = fields.pop("name", "Refund & dispute resolution")
    return Workflow.objects.create(
        workspace=workspace, slug=slug, name=name, draft=DEFINITION, **fields
    )


def version_make(workflow: Workflow, number: int = 14) -> WorkflowVersion:
    return WorkflowVersion.objects.create(
        workflow=workflow,
        number=number,
        digest="d" * 64,
        definition=DEFINITION,
        expanded=DEFINITION,
        note="Ask above 1,000",
    )


def run_make(version: WorkflowVersion, state: str = "running", **fields: Any) -> Run:
    now = timezone.now()
    is_ended = state in {"succeeded", "failed", "cancelled", "timed_out", "compensated"}
    defaults = {
        "input": {"message": "Charged twice", "amount": 1840},
        "started_at": None if state == "queued" else now - timedelta(minutes=7),
        "finished_at": now if is_ended else None,
        "deadline_at": now + timedelta(days=1),
    }
    run = Run.objects.create(
        workspace=version.workflow.workspace,
        workflow=version.workflow,
        version=version,
        state=state,
        **{**defaults, **fields},
    )
    Scope.objects.create(run=run, kind="root")
    run.refresh_from_db()
    return run


def step_make(run: Run, path: str, state: str, **fields: Any) -> StepRun:
    """Add a step run; `began` and `lasted` are seconds from the run's start."""
    began, lasted = fields.pop("began", 0.0), fields.pop("lasted", 1.0)
    start = (run.started_at or timezone.now()) + timedelta(seconds=began)
    is_ended = state in {"succeeded", "failed", "cancelled", "timed_out", "compensated"}
    leased = state == "running" and not fields.get("is_container")
    defaults = {
        "scope": run.scopes.get(kind="root"),
        "step": path.rpartition(".")[2].partition("[")[0],
        "kind": "tool",
        "attempt": 1,
        "started_at": None if state in {"ready", "skipped"} else start,
        "finished_at": start + timedelta(seconds=lasted) if is_ended else None,
        "lease_expires_at": timezone.now() + timedelta(seconds=30) if leased else None,
        "port": "done" if state == "succeeded" else None,
    }
    step = StepRun.objects.create(run=run, path=path, state=state, **{**defaults, **fields})
    if is_ended:
        Attempt.objects.create(
            step_run=step,
            number=step.attempt,
            worker="worker-1",
            started_at=step.started_at,
            ended_at=step.finished_at,
            outcome="succeeded" if state == "succeeded" else "failed",
            error=step.error,
        )
    return step


def event_make(run: Run, kind: str, **fields: Any) -> RunEvent:
    """Append a history event with the next sequence of its run."""
    run.sequence += 1
    Run.objects.filter(pk=run.pk).update(sequence=run.sequence)
    at = fields.pop("at", timezone.now())
    return RunEvent.objects.create(run=run, sequence=run.sequence, type=kind, at=at, **fields)
