"""Steps that take far longer than they usually do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from workflows_app.selectors.people import Actor, workspace_ids_of

TIMES = 3  # how often its usual p95 a step may take
LEAST = timedelta(minutes=1)  # less is nobody's concern
SAMPLES = 5  # fewer ends tell nothing about what is usual
# The same path in the newest ended runs of the workflow says what is usual there: one look into
# an index for each of them, however large the runs are.
_STUCK = """
WITH slow AS (
  SELECT r.workflow_id, r.number, s.path, s.step, s.state, s.reason, s.started_at
  FROM workflows_app_run r
  JOIN workflows_app_steprun s ON s.run_id = r.id
  WHERE r.workspace_id = ANY(%(spaces)s) AND r.finished_at IS NULL AND r.mode = 'live'
    AND r.state IN ('running', 'waiting')
    AND s.is_current AND NOT s.is_container AND s.state IN ('running', 'waiting')
    AND coalesce(s.reason, '') NOT IN ('incident', 'timer')
    AND s.started_at < %(now)s - %(least)s
  ORDER BY s.started_at LIMIT 100
), usual AS (
  SELECT p.workflow_id, p.path, percentile_cont(0.95) WITHIN GROUP (ORDER BY t.lasted) AS p95
  FROM (SELECT DISTINCT workflow_id, path FROM slow) p
  CROSS JOIN LATERAL (
    SELECT extract(epoch FROM e.finished_at - e.started_at) AS lasted
    FROM (
      SELECT id FROM workflows_app_run
      WHERE workflow_id = p.workflow_id AND finished_at IS NOT NULL
      ORDER BY number DESC LIMIT 50
    ) ended
    JOIN workflows_app_steprun e ON e.run_id = ended.id AND e.path = p.path
    WHERE e.state = 'succeeded' AND e.started_at IS NOT NULL
  ) t
  GROUP BY p.workflow_id, p.path HAVING count(*) >= %(samples)s
)
SELECT w.name, slow.number, slow.path, slow.step, slow.state, slow.reason, slow.started_at,
  usual.p95
FROM slow JOIN usual USING (workflow_id, path)
JOIN workflows_app_workflow w ON w.id = slow.workflow_id
WHERE extract(epoch FROM %(now)s - slow.started_at) > %(times)s * usual.p95
ORDER BY slow.started_at LIMIT 5
"""
CAUSES = {
    "approval": "nobody it asks has answered",
    "review": "nobody it asks has answered",
    "checkpoint": "nobody it asks has answered",
    "budget": "nobody has raised its budget",
    "event": "the event has not come: was it sent with this key?",
    "trigger": "nothing has fired a trigger",
    "retry": "it fails and is tried again",
    "child": "the run that it started is slow itself",
    "rate": "its rate limit lets little through",
    "breaker": "what it calls is failing for everybody",
    "exclusive": "another step holds what it needs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """One step that takes far longer than usual; `usual` is the p95 of its ends."""

    workflow: str
    run: int
    path: str
    step: str
    since: datetime
    usual: timedelta
    cause: str


def stuck_steps(*, actor: Actor, now: datetime) -> list[Stuck]:
    """Give steps of live runs that last over three times their usual p95, oldest first."""
    spaces: list[UUID] = list(workspace_ids_of(actor))
    given: dict[str, Any] = {
        "spaces": spaces,
        "now": now,
        "least": LEAST,
        "samples": SAMPLES,
        "times": TIMES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STUCK, given)
        found = cursor.fetchall()
    return [
        Stuck(
            workflow=workflow,
            run=run,
            path=path,
            step=step,
            since=since,
            usual=timedelta(seconds=float(p95)),
            cause=CAUSES.get(reason or "", "the call does not answer, or a worker is missing"),
        )
        for workflow, run, path, step, _, reason, since, p95 in found
    ]
