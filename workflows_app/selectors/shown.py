"""One run, and one workflow that is to be started, each by one prepared statement."""

from collections.abc import Iterable
from uuid import UUID

from workflows_app.models import Run, Workflow, WorkflowVersion, Workspace
from workflows_app.selectors.statements import Columns, row_read

_RUN = Columns(Run, "r")
_SPACE = Columns(Workspace, "s")
_WORKFLOW = Columns(Workflow, "w", without=["draft"])
_VERSION = Columns(WorkflowVersion, "v", without=["definition", "expanded", "pins"])
_INCIDENT = """EXISTS (SELECT 1 FROM workflows_app_steprun x
  JOIN workflows_app_scope c ON c.id = x.scope_id
  WHERE x.run_id = r.id AND x.state = 'waiting' AND x.reason = 'incident' AND x.is_current{}
)"""
_SHOWN = f"""
SELECT {_RUN.sql}, {_SPACE.sql}, {_WORKFLOW.sql}, {_VERSION.sql},
  r.finished_at IS NULL AND {_INCIDENT.format("")},
  r.finished_at IS NULL AND {_INCIDENT.format(" AND c.kind <> 'undo'")},
  r.finished_at IS NOT NULL AND EXISTS (
    SELECT 1 FROM workflows_app_undo u WHERE u.run_id = r.id AND u.state = 'armed')
FROM workflows_app_run r
JOIN workflows_app_workspace s ON s.id = r.workspace_id
JOIN workflows_app_workflow w ON w.id = r.workflow_id
JOIN workflows_app_workflowversion v ON v.id = r.version_id
WHERE r.{{}} = %s AND r.workspace_id = ANY(%s)
"""  # noqa: S608 - made of names of columns
_BY_ID, _BY_NUMBER = _SHOWN.format("id"), _SHOWN.format("number")
_STARTED = f"""
SELECT {_WORKFLOW.sql}, {_SPACE.sql}, {_VERSION.sql}
FROM workflows_app_workflow w
JOIN workflows_app_workspace s ON s.id = w.workspace_id
LEFT JOIN LATERAL (
  SELECT * FROM workflows_app_workflowversion n
  WHERE n.workflow_id = w.id AND n.number IS NOT NULL ORDER BY n.number DESC LIMIT 1
) v ON true
WHERE w.slug = %s AND w.workspace_id = ANY(%s)
ORDER BY s.is_default DESC, w.id LIMIT 1
"""  # noqa: S608


def run_shown(
    *, workspaces: Iterable[UUID], run_id: UUID | None = None, number: int | None = None
) -> Run | None:
    """Give a run of these workspaces with what its page and its shape need, or None."""
    statement, key = (_BY_ID, run_id) if run_id is not None else (_BY_NUMBER, number)
    row = row_read(statement, [key, list(workspaces)])
    if row is None:
        return None
    run = _RUN.make(row)
    run.workspace = _SPACE.make(row, at := len(_RUN))
    run.workflow = _WORKFLOW.make(row, at := at + len(_SPACE))
    run.version = _VERSION.make(row, at := at + len(_WORKFLOW))
    run.has_incident, run.has_failable, run.has_undo = row[at + len(_VERSION) :]  # type: ignore[attr-defined]
    return run


def workflow_started(
    *, workspaces: Iterable[UUID], slug: str
) -> tuple[Workflow, WorkflowVersion | None] | None:
    """Give a workflow of these workspaces with its newest published version, or None.

    What is large of both is deferred: to start a run takes none of it.
    """
    row = row_read(_STARTED, [slug, list(workspaces)])
    if row is None:
        return None
    workflow = _WORKFLOW.make(row)
    workflow.workspace = _SPACE.make(row, at := len(_WORKFLOW))
    at += len(_SPACE)
    return workflow, None if row[at] is None else _VERSION.make(row, at)
