"""The engine's statements: `engine_claim`, `engine_read` under the scope's lock, `engine_write`.

A transaction of the engine is one call of each. Every statement of a function sees what was
committed before it began, so that steps are read as they are once the lock is held.
"""

from django.db import migrations

ROWS = """
CREATE FUNCTION engine_rows(
  p_runs uuid[], p_scopes uuid[],
  OUT kind text, OUT id uuid, OUT owner uuid, OUT fields text
) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  -- The runs first: whatever is committed after this makes their version an old one.
  RETURN QUERY SELECT 'run', r.id, r.id, json_build_array(r.state, r.sequence, r.active,
      r.step_count, r.ending, r.degraded, r.has_superseded, r.started_at, r.number, r.parent_id,
      r.parent_step_run, r.input_tokens, r.output_tokens, r.cost_usd, r.xmin::text)::text
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

READ = """
CREATE FUNCTION engine_read(
  p_scopes uuid[], p_runs uuid[], p_skip boolean,
  OUT kind text, OUT id uuid, OUT owner uuid, OUT fields text
) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE locked uuid[];
BEGIN
  IF p_skip THEN
    locked := array(SELECT s.id FROM workflows_app_scope s WHERE s.id = ANY(p_scopes)
      ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED);
  ELSE
    locked := array(SELECT s.id FROM workflows_app_scope s WHERE s.id = ANY(p_scopes)
      ORDER BY s.id FOR NO KEY UPDATE);
  END IF;
  RETURN QUERY SELECT * FROM engine_rows(p_runs, locked);
  RETURN QUERY SELECT 'fact', NULL::uuid, f.scope_id,
      json_build_array(f.id, f.fact, f.is_counted)::text
    FROM workflows_app_inboxfact f WHERE f.scope_id = ANY(locked) ORDER BY f.id LIMIT 5000;
  RETURN QUERY SELECT 'now', NULL::uuid, NULL::uuid, to_json(clock_timestamp())::text;
END $$;
"""

CLAIM = """
CREATE FUNCTION engine_claim(
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
  ), tokens AS (
    SELECT picked.id, p_tokens[row_number() OVER ()] AS token FROM picked
  ), done AS (
    UPDATE workflows_app_steprun s SET state = 'running', attempt = s.attempt + 1,
      token = t.token, lease_owner = p_worker, started_at = clock_timestamp(),
      lease_expires_at = clock_timestamp() + make_interval(secs => p_lease),
      send_at = NULL, sends = 0, is_announced = false
    FROM tokens t WHERE s.id = t.id AND s.state = 'ready'
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

WRITE = """
CREATE FUNCTION engine_write(
  p_now timestamptz, p_send_at timestamptz, p_lock uuid[], p_moved json, p_scopes_moved json,
  p_attempts json, p_facts_done bigint[], p_timers_done bigint[], p_scopes json, p_facts json,
  p_timers json, p_steps json, p_runs json, p_events json
) RETURNS text LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE found_rows bigint; wanted bigint;
BEGIN
  IF p_lock IS NOT NULL THEN
    PERFORM 1 FROM workflows_app_scope s WHERE s.id = ANY(p_lock)
      ORDER BY s.id FOR NO KEY UPDATE;
  END IF;
  IF p_moved IS NOT NULL THEN
    UPDATE workflows_app_steprun s SET
      state = d.state, port = d.port, attempt = d.attempt, token = d.token, reason = d.reason,
      is_container = d.is_container IS TRUE, is_cancelling = d.is_cancelling IS TRUE,
      is_degraded = d.is_degraded IS TRUE, is_held = d.is_held IS TRUE,
      is_announced = d.is_announced IS TRUE, effect = d.effect,
      approved_digest = d.approved_digest, waiting = d.waiting, progress = d.progress,
      is_current = d.is_superseded IS NOT TRUE,
      lease_owner = CASE WHEN d.is_leased THEN s.lease_owner END,
      lease_expires_at = CASE WHEN d.is_leased THEN s.lease_expires_at END,
      ready_at = CASE WHEN d.state = 'ready' AND s.state <> 'ready' THEN p_now ELSE s.ready_at END,
      send_at = CASE WHEN d.state = 'ready' THEN p_send_at END,
      sends = CASE WHEN d.state = 'ready' AND s.state = 'ready' THEN s.sends ELSE 0 END,
      finished_at = d.finished_at,
      input = CASE WHEN d.has_input THEN d.input ELSE s.input END,
      output = CASE WHEN d.has_output THEN d.output ELSE s.output END,
      error = CASE WHEN d.has_error THEN d.error ELSE s.error END,
      feedback = CASE WHEN d.has_feedback THEN d.feedback ELSE s.feedback END,
      input_tokens = s.input_tokens + coalesce(d.input_tokens, 0),
      output_tokens = s.output_tokens + coalesce(d.output_tokens, 0),
      cost_usd = s.cost_usd + coalesce(d.cost_usd, 0)
    FROM json_to_recordset(p_moved) AS d(
      id uuid, was text, was_token uuid, state text, port text, attempt int, token uuid,
      reason text, is_container bool, is_cancelling bool, is_degraded bool, is_held bool,
      is_announced bool, effect text, approved_digest text, waiting text, progress text,
      is_superseded bool, is_leased bool, finished_at timestamptz, input text, has_input bool,
      output text, has_output bool, error text, has_error bool, feedback text, has_feedback bool,
      input_tokens bigint, output_tokens bigint, cost_usd float8)
    WHERE s.id = d.id AND s.state = d.was AND s.token IS NOT DISTINCT FROM d.was_token;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows <> json_array_length(p_moved) THEN
      RAISE EXCEPTION 'a step run was moved by another process' USING ERRCODE = 'CSROW';
    END IF;
  END IF;
  IF p_scopes_moved IS NOT NULL THEN
    UPDATE workflows_app_scope s SET state = d.state, closing = d.closing,
      slot = coalesce(d.slot, ''), override = coalesce(d.override, s.override),
      output = CASE WHEN d.has_output THEN d.output ELSE s.output END
    FROM json_to_recordset(p_scopes_moved) AS d(id uuid, state text, closing text, slot text,
      override text, output text, has_output bool)
    WHERE s.id = d.id;
  END IF;
  IF p_attempts IS NOT NULL THEN
    INSERT INTO workflows_app_attempt
      (step_run_id, number, worker, started_at, ended_at, outcome, error, details)
    SELECT d.step_run, d.number, coalesce(d.worker, ''), d.started_at, d.ended_at, d.outcome,
      d.error, d.details
    FROM json_to_recordset(p_attempts) AS d(step_run uuid, number int, worker text,
      started_at timestamptz, ended_at timestamptz, outcome text, error text, details text);
  END IF;
  IF p_facts_done IS NOT NULL THEN
    DELETE FROM workflows_app_inboxfact WHERE id = ANY(p_facts_done);
  END IF;
  IF p_timers_done IS NOT NULL THEN
    DELETE FROM workflows_app_timer WHERE id = ANY(p_timers_done);
  END IF;
  IF p_scopes IS NOT NULL THEN
    INSERT INTO workflows_app_scope (id, run_id, parent_id, container_id, ancestors, kind, body,
      override, path, position, state, closing, "values", output, slot)
    SELECT d.id, d.run_id, d.parent_id, d.container_id, coalesce(d.ancestors, '{}'), d.kind,
      coalesce(d.body, ''), d.override, coalesce(d.path, ''), d.position, d.state, d.closing,
      coalesce(d."values", '{}'), d.output, coalesce(d.slot, '')
    FROM json_to_recordset(p_scopes) AS d(id uuid, run_id uuid, parent_id uuid, container_id uuid,
      ancestors uuid[], kind text, body text, override text, path text, "position" int,
      state text, closing text, "values" text, output text, slot text);
  END IF;
  IF p_facts IS NOT NULL THEN
    INSERT INTO workflows_app_inboxfact (run_id, scope_id, fact, is_counted, created_at)
    SELECT d.run_id, d.scope_id, d.fact, d.is_counted, now()
    FROM json_to_recordset(p_facts) AS d(run_id uuid, scope_id uuid, fact text, is_counted bool);
  END IF;
  IF p_timers IS NOT NULL THEN
    INSERT INTO workflows_app_timer (run_id, scope_id, step_run_id, name, due_at, fact)
    SELECT d.run_id, d.scope_id, d.step_run_id, d.name, d.due_at, d.fact
    FROM json_to_recordset(p_timers) AS d(run_id uuid, scope_id uuid, step_run_id uuid, name text,
      due_at timestamptz, fact text);
  END IF;
  IF p_steps IS NOT NULL THEN
    INSERT INTO workflows_app_steprun (
      id, run_id, scope_id, step, kind, path, generation, is_current, state, port, attempt, token,
      lease_owner, lease_expires_at, is_container, is_announced, is_held, is_cancelling,
      is_degraded, effect, input, output, error, reason, waiting, progress, feedback,
      input_tokens, output_tokens, cost_usd, ready_at, send_at, sends, started_at, finished_at)
    SELECT d.id, d.run_id, d.scope_id, d.step, d.kind, d.path, coalesce(d.generation, 0), true,
      d.state, d.port, coalesce(d.attempt, 0), d.token, d.lease_owner, d.lease_expires_at,
      d.is_container IS TRUE, d.is_announced IS TRUE, d.is_held IS TRUE, d.is_cancelling IS TRUE,
      d.is_degraded IS TRUE, d.effect, d.input, d.output, d.error, d.reason, d.waiting,
      d.progress, d.feedback, 0, 0, 0, p_now,
      CASE WHEN d.state = 'ready' THEN p_send_at END, 0, d.started_at, d.finished_at
    FROM json_to_recordset(p_steps) AS d(
      id uuid, run_id uuid, scope_id uuid, step text, kind text, path text, generation int,
      state text, port text, attempt int, token uuid, lease_owner text,
      lease_expires_at timestamptz, is_container bool, is_announced bool, is_held bool,
      is_cancelling bool, is_degraded bool, effect text, input text, output text, error text,
      reason text, waiting text, progress text, feedback text, started_at timestamptz,
      finished_at timestamptz);
  END IF;
  IF p_runs IS NOT NULL THEN
    wanted := json_array_length(p_runs);
    IF wanted > 1 THEN
      PERFORM 1 FROM workflows_app_run r
        WHERE r.id = ANY(array(SELECT (e ->> 'id')::uuid FROM json_array_elements(p_runs) e))
        ORDER BY r.id FOR NO KEY UPDATE;
    END IF;
    UPDATE workflows_app_run r SET state = d.state, sequence = d.sequence, active = d.active,
      step_count = d.step_count, ending = d.ending, degraded = coalesce(d.degraded, '[]'),
      has_superseded = d.has_superseded IS TRUE, started_at = d.started_at,
      finished_at = CASE WHEN d.has_ended THEN p_now WHEN d.reopens THEN NULL
        ELSE r.finished_at END,
      output = CASE WHEN d.has_result THEN d.output ELSE r.output END,
      error = CASE WHEN d.has_result THEN d.error ELSE r.error END,
      input_tokens = coalesce(d.input_tokens, 0), output_tokens = coalesce(d.output_tokens, 0),
      cost_usd = coalesce(d.cost_usd, 0)
    FROM json_to_recordset(p_runs) AS d(id uuid, version text, state text, sequence int,
      active int, step_count int, ending text, degraded text, has_superseded bool,
      started_at timestamptz, has_ended bool, reopens bool, has_result bool, output text,
      error text, input_tokens bigint, output_tokens bigint, cost_usd float8)
    WHERE r.id = d.id AND (d.version IS NULL OR r.xmin::text = d.version);
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows <> wanted THEN
      RAISE EXCEPTION 'a run was changed by another process' USING ERRCODE = 'CSROW';
    END IF;
  END IF;
  IF p_events IS NOT NULL THEN
    INSERT INTO workflows_app_runevent (run_id, sequence, at, type, path, generation, from_state,
      to_state, trigger, actor, why, data)
    SELECT d.run_id, d.sequence, coalesce(d.at, p_now), d.type, coalesce(d.path, ''),
      d.generation, coalesce(d.from_state, ''), coalesce(d.to_state, ''),
      coalesce(d.trigger, ''), coalesce(d.actor, ''), coalesce(d.why, ''), d.data
    FROM json_to_recordset(p_events) AS d(run_id uuid, sequence int, at timestamptz, type text,
      path text, generation int, from_state text, to_state text, trigger text, actor text,
      why text, data text);
  END IF;
  RETURN pg_current_xact_id()::xid::text;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("workflows_app", "0008_continued_path")]
    operations = [
        migrations.RunSQL(ROWS, "DROP FUNCTION engine_rows"),
        migrations.RunSQL(READ, "DROP FUNCTION engine_read"),
        migrations.RunSQL(CLAIM, "DROP FUNCTION engine_claim"),
        migrations.RunSQL(WRITE, "DROP FUNCTION engine_write"),
    ]
