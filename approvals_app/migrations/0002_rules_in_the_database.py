"""What Python could forget: answers are append-only, four eyes, one answer for each seat."""

from django.db import migrations

TABLES = ("vote", "undonevote", "edit", "delegation")


def _guard(name: str) -> migrations.RunSQL:
    table = f"approvals_app_{name}"
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


# The request's row is locked, so that two answers of one moment see each other.
FOUR_EYES = """
CREATE FUNCTION approvals_vote_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  asked approvals_app_approvalrequest%ROWTYPE;
BEGIN
  SELECT * INTO asked FROM approvals_app_approvalrequest
    WHERE id = NEW.request_id FOR NO KEY UPDATE;
  IF asked.mode <> 'rehearsal'
    AND (NEW.person_id = ANY(asked.requesters) OR NEW.seat_id = ANY(asked.requesters)) THEN
    RAISE EXCEPTION 'whoever asked for it cannot answer it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'vote_four_eyes';
  END IF;
  IF asked.state <> 'pending' THEN
    RAISE EXCEPTION 'the request is not open'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'vote_while_pending';
  END IF;
  IF EXISTS (
    SELECT 1 FROM approvals_app_vote v
    WHERE v.request_id = NEW.request_id AND v.round = NEW.round
      AND (v.person_id = NEW.person_id OR v.seat_id = NEW.seat_id)
      AND NOT EXISTS (SELECT 1 FROM approvals_app_undonevote u WHERE u.vote_id = v.id)
  ) THEN
    RAISE EXCEPTION 'each person and each seat answers once'
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'vote_answered_once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER vote_check BEFORE INSERT ON approvals_app_vote
  FOR EACH ROW EXECUTE FUNCTION approvals_vote_check();
"""
FOUR_EYES_BACK = """
DROP TRIGGER vote_check ON approvals_app_vote;
DROP FUNCTION approvals_vote_check();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("approvals_app", "0001_initial"),
        ("workflows_app", "0002_append_only"),
    ]

    operations = [
        *(_guard(name) for name in TABLES),
        migrations.RunSQL(FOUR_EYES, FOUR_EYES_BACK),
    ]
