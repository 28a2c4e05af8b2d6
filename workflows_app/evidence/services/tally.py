"""Count sealed run events into the tallies behind the metrics.

The sealer sees every event exactly once, so counts that it keeps in its own transaction are
exact, never go down, and cost a scrape a few hundred rows however long the history is.
"""

from django.db import connection

STEP_BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0,
    3_600.0, 21_600.0, 86_400.0,
)  # fmt: skip
WORKFLOW_BOUNDS = (
    0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0,
    2_592_000.0,
)  # fmt: skip
SUM = -1  # the bucket that holds the sum of a histogram

ADD = """
WITH fresh AS (
    SELECT e.type, e.sequence, e.from_state, e.to_state, w.slug,
           substring(e.data from '"port": ?"([^"]*)"') AS port,
           substring(e.data from '"attempt": ?([0-9]{1,6})')::int AS attempt,
           coalesce(s.kind, '') AS kind, r.error IS NOT NULL AS has_error,
           greatest(0, extract(epoch FROM e.at - CASE e.type
               WHEN 'run.ended' THEN coalesce(r.started_at, r.created_at)
               WHEN 'step.ended' THEN s.started_at END))::float8 AS seconds
    FROM workflows_app_runevent e
    JOIN workflows_app_run r ON r.id = e.run_id AND r.mode = 'live'
    JOIN workflows_app_workflow w ON w.id = r.workflow_id
    LEFT JOIN workflows_app_steprun s
        ON s.run_id = e.run_id AND s.path = e.path AND s.generation = e.generation
    WHERE e.id = ANY(%(ids)s)
      AND (e.sequence = 1
           OR e.type IN ('run.ended', 'run.reopened', 'step.started', 'step.ended',
                         'approval.escalated'))
), durations AS (
    SELECT CASE type WHEN 'run.ended' THEN 'workflow_duration_seconds'
                     ELSE 'step_duration_seconds' END AS metric,
           slug, CASE type WHEN 'run.ended' THEN '' ELSE kind END AS kind, seconds,
           (SELECT count(*) FROM unnest(CASE type
                WHEN 'run.ended' THEN %(workflow_bounds)s::float8[]
                ELSE %(step_bounds)s::float8[] END) AS bound WHERE bound < seconds) AS bucket
    FROM fresh WHERE type IN ('run.ended', 'step.ended') AND seconds IS NOT NULL
), counted AS (
    SELECT 'workflows_started' AS metric, slug, '' AS kind, 0 AS bucket, 1.0 AS value
    FROM fresh WHERE sequence = 1
    UNION ALL
    SELECT 'workflows_completed', slug, '', 0, 1 FROM fresh
    WHERE type = 'run.ended' AND to_state = 'succeeded'
    UNION ALL
    SELECT 'workflows_failed', slug, '', 0, 1 FROM fresh
    WHERE type = 'run.ended' AND (to_state IN ('failed', 'timed_out')
                                  OR (to_state = 'compensated' AND has_error))
    UNION ALL
    SELECT 'step_errors', slug, kind, 0, 1 FROM fresh
    WHERE type = 'step.ended' AND to_state IN ('failed', 'timed_out')
    UNION ALL
    SELECT 'step_retries', slug, kind, 0, 1 FROM fresh
    WHERE type = 'step.started' AND attempt > 1
    UNION ALL
    SELECT 'escalations', slug, '', 0, 1 FROM fresh
    WHERE type = 'approval.escalated'
       OR (type = 'step.ended' AND kind = 'hand_on' AND port = 'escalate')
    UNION ALL
    SELECT 'workflows_ended', slug, to_state, 0, 1 FROM fresh WHERE type = 'run.ended'
    UNION ALL
    SELECT 'workflows_ended', slug, from_state, 0, -1 FROM fresh WHERE type = 'run.reopened'
    UNION ALL
    SELECT metric, slug, kind, bucket, 1 FROM durations
    UNION ALL
    SELECT metric, slug, kind, -1, seconds FROM durations
)
INSERT INTO evidence_tally (metric, workflow, kind, bucket, value)
SELECT metric, slug, kind, bucket, sum(value) FROM counted GROUP BY metric, slug, kind, bucket
ON CONFLICT (metric, workflow, kind, bucket)
DO UPDATE SET value = evidence_tally.value + excluded.value
"""


def tally_add(ids: list[int]) -> None:
    """Count the run events with these ids; each may be given once only."""
    if not ids:
        return
    bounds = {"step_bounds": list(STEP_BOUNDS), "workflow_bounds": list(WORKFLOW_BOUNDS)}
    with connection.cursor() as cursor:
        cursor.execute(ADD, {"ids": ids, **bounds})
