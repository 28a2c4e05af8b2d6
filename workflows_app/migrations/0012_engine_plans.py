"""The engine's functions always go by index; what they give has more, and needs less.

`engine_claim` makes the tokens itself, and a run comes with whether anything of it was recorded
to be undone.

Their plans are made once for a session, often while the tables are still small: a plan that read
a whole table would then be kept while the table grows.
"""

from django.db import migrations

FUNCTIONS = {
    "engine_rows": "uuid[], uuid[]",
    "engine_read": "uuid[], uuid[], boolean",
    "engine_claim": "text, int, float8, uuid[], uuid[], uuid[]",
    "engine_write": (
        "timestamptz, timestamptz, uuid[], json, json, json, bigint[], bigint[], json, json, json,"
        " json, json, json"
    ),
}
PLANNER = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")

ROWS = """
CREATE OR REPLACE FUNCTION engine_rows(
  p_runs uuid[], p_scopes uuid[],
  OUT kind text, OUT id uuid, OUT owner uuid, OUT fields text
) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  -- The runs first: whatever is committed after this makes their version an old one.
  RETURN QUERY SELECT 'run', r.id, r.id, json_build_array(r.state, r.sequence, r.active,
      r.step_count, r.ending, r.degraded, r.has_superseded, r.started_at, r.number, r.parent_id,
      r.parent_step_run, r.input_tokens, r.output_tokens, r.cost_usd, r.xmin::text,
      EXISTS (SELECT 1 FROM workflows_app_undo u WHERE u.run_id = r.id))::text
    FROM workflows_app_run r WHERE r.id = ANY(p_runs);
  RETURN QUERY SELECT 'scope', s.id, s.run_id, json_build_array(s.parent_id, s.container_id,
      s.ancestors, s.kind, s.body, s.override, s.path, s.position, s.state, s.closing, s.slot,
      s."values")::text
    FROM workflows_app_scope s WHERE s.id = ANY(p_scopes) ORDER BY s.id;
  RETURN QUERY SELECT 'step', s.id, s.scope_id, json_build_array(s.step, s.path, s.generation,
      s.state, s.port, s.attempt, s.token, s.reason, s.is_container, s.is_cancelling,
      s.is_degraded, s.is_held, s.is_announced, s.effect, s.approved_digest, s.waiting,
      s.progress, s.started_at, s.error)::text
    FROM workflows_app_steprun s WHERE s.scope_id = ANY(p_scopes) AND s.is_current;
END $$;
"""

CLAIM = """
CREATE OR REPLACE FUNCTION engine_claim(
  p_worker text, p_limit int, p_lease float8, p_tokens uuid[], p_runs uuid[], p_hinted uuid[],
  OUT kind text, OUT id uuid, OUT owner uuid, OUT fields text
) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE claimed uuid[]; runs uuid[]; scopes uuid[];
BEGIN
  IF p_hinted IS NOT NULL THEN
    RETURN QUERY SELECT DISTINCT 'inbox', f.scope_id, f.run_id, NULL::text
      FROM workflows_app_inboxfact f WHERE f.run_id = ANY(p_hinted);
  END IF;
  WITH picked AS (
    SELECT s.id FROM workflows_app_steprun s
    WHERE s.state = 'ready' AND NOT s.is_held AND s.is_current
      AND (p_runs IS NULL OR s.run_id = ANY(p_runs))
      AND EXISTS (SELECT 1 FROM workflows_app_run r WHERE r.id = s.run_id AND r.state IN
        ('queued', 'running', 'waiting', 'cancelling', 'compensating'))
    ORDER BY s.ready_at LIMIT p_limit FOR UPDATE OF s SKIP LOCKED
  ), done AS (
    UPDATE workflows_app_steprun s SET state = 'running', attempt = s.attempt + 1,
      token = gen_random_uuid(), lease_owner = p_worker, started_at = clock_timestamp(),
      lease_expires_at = clock_timestamp() + make_interval(secs => p_lease),
      send_at = NULL, sends = 0, is_announced = false
    FROM picked p WHERE s.id = p.id AND s.state = 'ready'
    RETURNING s.id, s.run_id, s.scope_id
  )
  SELECT array_agg(done.id), array_agg(DISTINCT done.run_id), array_agg(DISTINCT done.scope_id)
    INTO claimed, runs, scopes FROM done;
  IF claimed IS NULL THEN RETURN; END IF;
  RETURN QUERY SELECT * FROM engine_rows(runs, scopes);
  RETURN QUERY SELECT 'claim', s.id, s.scope_id, json_build_array(s.input, s.feedback)::text
    FROM workflows_app_steprun s WHERE s.id = ANY(claimed) ORDER BY s.ready_at;
END $$;
"""


def _planner(value: str) -> str:
    return "".join(
        f"ALTER FUNCTION {name}({arguments}) {value.format(setting=setting)};\n"
        for name, arguments in FUNCTIONS.items()
        for setting in PLANNER
    )


class Migration(migrations.Migration):
    dependencies = [("workflows_app", "0011_guardrail_trips")]
    operations = [
        migrations.RunSQL(ROWS, migrations.RunSQL.noop),
        migrations.RunSQL(CLAIM, migrations.RunSQL.noop),
        migrations.RunSQL(_planner("SET {setting} = off"), _planner("RESET {setting}")),
    ]
