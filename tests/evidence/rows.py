"""Rows to be evidence of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from workflows_app.identifiers import uuid7
from workflows_app.models import (
    AppEvent,
    Member,
    Run,
    RunEvent,
    User,
    Workflow,
    WorkflowVersion,
    Workspace,
)

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def version_make(workspace: Workspace, slug: str = "refunds") -> WorkflowVersion:
    workflow = Workflow.objects.create(workspace=workspace, slug=slug, name=slug, draft={})
    return WorkflowVersion.objects.create(
        workflow=workflow, number=1, digest="0" * 64, definition={}, expanded={}
    )


def run_make(version: WorkflowVersion, **fields: Any) -> Run:
    return Run.objects.create(
        workspace=version.workflow.workspace, workflow=version.workflow, version=version, **fields
    )


def event_make(run: Run, sequence: int, kind: str = "step.ready", **fields: Any) -> RunEvent:
    at = fields.pop("at", NOW + timedelta(seconds=sequence))
    return RunEvent.objects.create(run=run, sequence=sequence, at=at, type=kind, **fields)


def events_make(run: Run, count: int, start: int = 1) -> list[RunEvent]:
    return [
        event_make(run, n, path=f"step{n}", actor="engine", why="because", data={"n": n, "x": 1.5})
        for n in range(start, start + count)
    ]


def app_event_make(workspace: Workspace | None, **fields: Any) -> AppEvent:
    values = {"type": "member.changed", "object": "user:mira", "actor": "operator"} | fields
    return AppEvent.objects.create(workspace=workspace, **values)


def stranger_make() -> tuple[User, UUID]:
    other = Workspace.objects.create(slug=f"other-{uuid7().hex[:8]}", name="Other")
    user = User.objects.create(username=f"sam-{other.slug}")
    Member.objects.create(workspace=other, user=user, roles=["admin"])
    return user, other.pk
