"""The audit chain and the counts behind the metrics.

A record (a `RunEvent` or an `AppEvent`) is written with the change it tells of; a `Seal` links
it into its workspace's chain a moment later, off the hot path. Seals are append-only, which the
database itself enforces (see the migration).
"""

from django.db import models
from django.db.models import Q

from workflows_app.models import AppEvent, RunEvent, Workspace


class Chain(models.Model):
    """A workspace's chain of seals, and where it ends.

    Its row is locked while seals are added. `position` and `hash` repeat those of the last
    seal: a seal cut off the end leaves them behind, and so shows.
    """

    workspace = models.OneToOneField(Workspace, models.PROTECT, related_name="chain")
    position = models.BigIntegerField(default=0)
    hash = models.BinaryField(max_length=32)
    verified_at = models.DateTimeField(null=True)
    verified_position = models.BigIntegerField(default=0)  # good up to here, at verified_at
    broken_at = models.BigIntegerField(null=True)  # first bad position that was found

    def __str__(self) -> str:
        return f"chain of {self.workspace}"


class Seal(models.Model):
    """One link: hash = SHA-256(previous + canonical record).

    The columns from `at` on repeat the record, for searching; verification compares them too.
    The record is named without a foreign-key constraint, so that a deleted one is found missing
    and not quietly taken along.
    """

    chain = models.ForeignKey(Chain, models.PROTECT, related_name="seals", db_index=False)
    position = models.BigIntegerField()  # from 1, without gaps
    previous = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    record_hash = models.BinaryField(max_length=32)  # SHA-256 of the canonical record alone
    run_event = models.OneToOneField(
        RunEvent, models.DO_NOTHING, null=True, related_name="seal", db_constraint=False
    )
    app_event = models.OneToOneField(
        AppEvent, models.DO_NOTHING, null=True, related_name="seal", db_constraint=False
    )
    at = models.DateTimeField()
    type = models.CharField(max_length=60)
    actor = models.CharField(max_length=200, blank=True)
    object = models.CharField(max_length=200)  # run:ID, workflow:SLUG, user:NAME, ...

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "position"], name="seal_one_per_position"),
            models.CheckConstraint(
                name="seal_of_one_record",
                condition=Q(run_event__isnull=False, app_event__isnull=True)
                | Q(run_event__isnull=True, app_event__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["chain", "type", "-position"], name="seal_by_type"),
            models.Index(fields=["chain", "actor", "-position"], name="seal_by_actor"),
            models.Index(fields=["chain", "object", "-position"], name="seal_by_object"),
            models.Index(fields=["chain", "at"], name="seal_by_time"),
        ]

    def __str__(self) -> str:
        return f"#{self.position} {self.type}"


class SealCursor(models.Model):
    """How far sealing has come: every record of an older transaction is sealed. One row."""

    transaction = models.BigIntegerField(default=0)  # 0: look at every record

    class Meta:
        constraints = [models.CheckConstraint(name="sealcursor_one_row", condition=Q(pk=1))]

    def __str__(self) -> str:
        return f"sealed before transaction {self.transaction}"


class Tally(models.Model):
    """A running count behind a metric, added to as records are sealed, each exactly once."""

    metric = models.CharField(max_length=60)  # without `countersign_`: step_retries, ...
    workflow = models.CharField(max_length=100)  # slug
    kind = models.CharField(max_length=50, blank=True)  # of the step; of ended runs their state
    # Of a histogram: the number of bounds below the values counted here, -1 for their sum.
    bucket = models.SmallIntegerField(default=0)
    value = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["metric", "workflow", "kind", "bucket"], name="tally_once_per_label"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.workflow}"
