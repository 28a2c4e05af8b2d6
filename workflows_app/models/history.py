"""The record: append-only, which the database itself enforces (see the migrations)."""

from django.db import models
from django.db.models.functions import Now

from workflows_app.models.fields import JSONTextField
from workflows_app.models.people import Workspace


def _own_transaction() -> models.BigIntegerField:
    """Hold the id of the writing transaction, so that readers can tell what is all committed."""
    return models.BigIntegerField(
        db_default=models.Func(
            template="(pg_current_xact_id()::text::bigint)", output_field=models.BigIntegerField()
        ),
        editable=False,
    )


class RunEvent(models.Model):
    """One transition of a run, numbered from 1 by the run's own sequence."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(
        "workflows_app.Run",
        models.CASCADE,
        related_name="events",
        db_constraint=False,
        db_index=False,
    )
    sequence = models.IntegerField()
    at = models.DateTimeField()
    type = models.CharField(max_length=40)
    path = models.TextField(blank=True)
    generation = models.IntegerField(null=True)
    from_state = models.CharField(max_length=200, blank=True)
    to_state = models.CharField(max_length=200, blank=True)
    trigger = models.CharField(max_length=100, blank=True)
    actor = models.CharField(max_length=200, blank=True)  # user:NAME, worker:ID, engine, rule:...
    why = models.TextField(blank=True)
    data = JSONTextField(null=True)
    transaction = _own_transaction()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "sequence"], name="runevent_numbered_per_run")
        ]
        indexes = [
            models.Index(fields=["transaction"], name="runevent_by_transaction"),
            models.Index(
                fields=["at"],
                condition=models.Q(type="guardrail.tripped"),
                name="runevent_guardrail_trips",
            ),
        ]


class AppEvent(models.Model):
    """A change outside any run: definitions, settings, members, sign-ins, exports."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, related_name="app_events")
    at = models.DateTimeField(db_default=Now())
    type = models.CharField(max_length=60)  # workflow.published, member.changed, ...
    object = models.CharField(max_length=200)  # workflow:SLUG, user:NAME, ...
    actor = models.CharField(max_length=200)
    why = models.TextField(blank=True)
    data = JSONTextField(null=True)
    transaction = _own_transaction()

    class Meta:
        indexes = [models.Index(fields=["transaction"], name="appevent_by_transaction")]
