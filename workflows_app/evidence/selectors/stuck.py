"""Unfinished runs that nothing would ever wake: each is a bug, and a metric counts them.

What wakes a run is a ready step with a slot, a lease, a timer, an open approval request or one
whose decision is not in effect yet, a fact in an inbox, an open child run, a subscription to an
event, or a step that waits for a trigger or a person (an incident). The run's own time limit is no
waking: it ends a run that is stuck, and hides nothing.
"""

from uuid import UUID

from django.db import connection

QUIET = """
WITH quiet AS MATERIALIZED (
    SELECT r.id, r.number FROM workflows_app_run r
    WHERE r.finished_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM workflows_app_steprun s
                      WHERE s.run_id = r.id AND s.state = 'ready' AND NOT s.is_held)
      AND NOT EXISTS (SELECT 1 FROM workflows_app_steprun s
                      WHERE s.run_id = r.id AND s.lease_expires_at IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM workflows_app_timer t WHERE t.run_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM workflows_app_inboxfact f WHERE f.run_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM workflows_app_eventwait e
                      WHERE e.run_id = r.id AND e.is_open)
      AND NOT EXISTS (SELECT 1 FROM workflows_app_run c
                      WHERE c.parent_id = r.id AND c.finished_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM approvals_app_approvalrequest a
                      WHERE a.run_id = r.id
                        AND (a.state = 'pending' OR a.effective_at > now() - interval '5 s'))
)
SELECT {columns} FROM quiet q
WHERE NOT EXISTS (SELECT 1 FROM workflows_app_steprun s
                  WHERE s.run_id = q.id AND s.is_current AND s.state = 'waiting'
                    AND s.reason IN ('trigger', 'incident'))
"""


def runs_without_wakeup_count() -> int:
    """Give how many unfinished runs nothing would wake."""
    with connection.cursor() as cursor:
        cursor.execute(QUIET.format(columns="count(*)"))
        return cursor.fetchone()[0]


def runs_without_wakeup(*, limit: int = 100) -> list[tuple[UUID, int]]:
    """Give (id, number) of unfinished runs that nothing would wake, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            QUIET.format(columns="q.id, q.number") + " ORDER BY q.number LIMIT %s", [limit]
        )
        return cursor.fetchall()
