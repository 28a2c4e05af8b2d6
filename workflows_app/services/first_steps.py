"""What a run begins with: its root scope, the steps that are ready, and results it takes over."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from workflows_app.core.effects import StartTimer
from workflows_app.core.engine import flow
from workflows_app.core.engine.advance import advance
from workflows_app.core.engine.draft import Draft
from workflows_app.core.facts import ScopeOpened, fact_dump
from workflows_app.core.states import ScopeState
from workflows_app.identifiers import uuid7
from workflows_app.models import StepRun
from workflows_app.models.fields import json_dump
from workflows_app.services import rows
from workflows_app.services.context import VersionContext
from workflows_app.services.kept import result_keep

JSON = Any


def root_draft(
    version: VersionContext, run_id: UUID, scope_id: UUID, now: Any, kept: Mapping[str, StepRun]
) -> Draft:
    """Give the root scope as it is once the run was told to begin."""
    draft = Draft(
        id=scope_id,
        run_id=run_id,
        graph=version.graphs[""],
        kind="root",
        path="",
        state=ScopeState.OPEN,
        closing=None,
        slot="",
        steps={},
        new_id=uuid7,
        now=now,
    )
    for step, row in kept.items():
        result_keep(draft, step, row)
    if kept:  # before the scope is told that it opened: else it would end with what was kept
        flow.start_ready(draft, draft.graph.order)
    advance(draft, ScopeOpened())
    return draft


def timer_rows(draft: Draft) -> list[dict[str, JSON]]:
    """Give the rows of the clocks that start with the first steps."""
    return [
        rows.timer_row(effect, run_id=draft.run_id, scope_id=draft.id)
        for effect in draft.effects
        if isinstance(effect, StartTimer)
    ]


def inbox_rows(draft: Draft) -> list[dict[str, JSON]]:
    """A run all of whose results were kept has nothing to do: it ends as its scope is looked at."""
    if not draft.has_ended:
        return []
    fact = json_dump(fact_dump(ScopeOpened()))
    row = {"run_id": str(draft.run_id), "scope_id": str(draft.id), "fact": fact}
    return [{**row, "is_counted": True}]


def root_row(run_id: UUID, scope_id: UUID) -> dict[str, Any]:
    """Give the row of a root scope."""
    return {
        "id": str(scope_id),
        "run_id": str(run_id),
        "parent_id": None,
        "container_id": None,
        "kind": "root",
        "body": "",
        "override": None,
        "path": "",
        "position": None,
        "state": "open",
        "closing": None,
        "values": "{}",
        "output": None,
        "slot": "",
    }
