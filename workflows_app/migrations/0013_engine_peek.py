"""`engine_peek` reads runs that have not begun; `engine_write` says when a ready step started.

So the first steps of a run may share the commit that ends them, without a claim of their own.
"""

from importlib import import_module

from django.db import migrations

_WRITE = import_module("workflows_app.migrations.0009_engine_functions").WRITE
_PLANS = import_module("workflows_app.migrations.0012_engine_plans")
_REPLACES = ("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
_MOVES = (
    "      finished_at = d.finished_at,\n",
    "      started_at = coalesce(d.started_at, s.started_at), finished_at = d.finished_at,\n",
)
_MOVED = (
    "is_leased bool, finished_at timestamptz, input text",
    "is_leased bool, started_at timestamptz, finished_at timestamptz, input text",
)
_PLANNED = "SET plan_cache_mode = force_generic_plan" + "".join(
    f" SET {setting} = off" for setting in _PLANS.PLANNER
)
_PLAIN = "SET plan_cache_mode = force_generic_plan"

PEEK = """
CREATE FUNCTION engine_peek(
  p_runs uuid[], OUT kind text, OUT id uuid, OUT owner uuid, OUT fields text
) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
PLANNED AS $$
DECLARE runs uuid[]; scopes uuid[];
BEGIN
  SELECT array_agg(r.id), array_agg(s.id) INTO runs, scopes
    FROM workflows_app_run r JOIN workflows_app_scope s ON s.run_id = r.id AND s.kind = 'root'
    WHERE r.id = ANY(p_runs) AND r.state = 'queued'
      AND NOT EXISTS (SELECT 1 FROM workflows_app_inboxfact f WHERE f.scope_id = s.id);
  IF runs IS NOT NULL THEN
    RETURN QUERY SELECT * FROM engine_rows(runs, scopes);
  END IF;
END $$;
""".replace("PLANNED", _PLANNED)


def _write(*changes: tuple[str, str]) -> str:
    text: str = _WRITE
    for was, is_now in (_REPLACES, (_PLAIN, _PLANNED), *changes):
        if was not in text:
            raise AssertionError(was)
        text = text.replace(was, is_now, 1)
    return text


class Migration(migrations.Migration):
    dependencies = [("workflows_app", "0012_engine_plans")]
    operations = [
        migrations.RunSQL(PEEK, "DROP FUNCTION engine_peek"),
        migrations.RunSQL(_write(_MOVES, _MOVED), _write()),
    ]
