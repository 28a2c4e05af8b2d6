"""The record is append-only: the database refuses to change, remove or truncate it.

Retention, which removes whole runs, sets `countersign.retention` in its own transaction.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION countersign_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('countersign.retention', true) = 'on' THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, lower(TG_OP)
    USING ERRCODE = 'insufficient_privilege';
END $$;
"""


def _guard(table: str, name: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE ON {table}
          FOR EACH ROW EXECUTE FUNCTION countersign_append_only();
        CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {table}
          FOR EACH STATEMENT EXECUTE FUNCTION countersign_append_only();
        """,
        f"""
        DROP TRIGGER {name}_no_truncate ON {table};
        DROP TRIGGER {name}_append_only ON {table};
        """,
    )


class Migration(migrations.Migration):
    dependencies = [("workflows_app", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION countersign_append_only()"),
        _guard("workflows_app_runevent", "runevent"),
        _guard("workflows_app_appevent", "appevent"),
    ]
