"""One action on many runs, and the queries of the list of runs that people keep."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from workflows_app.identifiers import uuid7
from workflows_app.models.fields import JSONTextField
from workflows_app.models.people import Workspace

BULK_ACTIONS = ("retry", "cancel", "pause", "resume", "skip", "fail")
BULK_STATES = ("proposed", "running", "done", "stopped")
ITEM_STATES = ("pending", "working", "done", "failed", "left")


class BulkOperation(models.Model):
    """One action that a person asked for on a fixed set of runs.

    Proposed: the runs are counted, nothing has been done. Running: workers go through the
    items. Done: every item has its result. Stopped: a person ended it; the rest was left.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(
        unique=True, db_default=models.Func(models.Value("bulk_number"), function="nextval")
    )
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    action = models.CharField(max_length=20)
    fields = JSONTextField(default=dict)  # {"rollback"?, "path"?, "version"?, "output"?}
    chosen = JSONTextField(default=dict)  # {"filter": {...}} or {"ids": count}
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, default="proposed")
    total = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bulk_action_known", condition=Q(action__in=list(BULK_ACTIONS))
            ),
            models.CheckConstraint(
                name="bulk_ended_iff_over",
                condition=Q(state__in=["done", "stopped"], ended_at__isnull=False)
                | Q(state__in=["proposed", "running"], ended_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-number"], name="bulk_newest_first"),
            models.Index(fields=["state"], condition=Q(ended_at=None), name="bulk_open"),
        ]


class BulkItem(models.Model):
    """One run of a bulk operation and what came of it.

    It is taken before the run is touched; whoever finds it taken for longer than a lease
    looks into the run's history for what was done, so that it is done once.
    """

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(BulkOperation, models.CASCADE, related_name="items")
    run_id = models.UUIDField()  # an id that was asked for need not be a run of ours
    number = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10, default="pending")
    taken_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = JSONTextField(null=True)  # {"code", "message"}
    result_run = models.BigIntegerField(null=True)  # number of the run that a retry made
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operation", "run_id"], name="bulkitem_once_per_run"),
            models.CheckConstraint(
                name="bulkitem_state_known", condition=Q(state__in=list(ITEM_STATES))
            ),
            models.CheckConstraint(
                name="bulkitem_taken_iff_working",
                condition=Q(state="working", taken_at__isnull=False) | ~Q(state="working"),
            ),
        ]
        indexes = [
            models.Index(
                F("operation"),
                F("id"),
                condition=Q(state__in=["pending", "working"]),
                name="bulkitem_open",
            )
        ]


class SavedView(models.Model):
    """A query of the list of runs under a name, for its owner or for the whole workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    query = models.CharField(max_length=500)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "owner", "name"], name="savedview_name_per_owner"
            )
        ]
