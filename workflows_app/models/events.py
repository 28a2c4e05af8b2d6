"""Events: what came in, who waits for what, what was used, and what goes out."""

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from workflows_app.identifiers import uuid7
from workflows_app.models.definitions import WorkflowTrigger
from workflows_app.models.fields import JSONTextField
from workflows_app.models.people import Workspace


class Event(models.Model):
    """A CloudEvent as it was stored; its `id` is the order of arrival."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="events")
    source = models.TextField()
    event_id = models.TextField()  # the sender's own; with `source` it tells repeats
    type = models.CharField(max_length=200)
    subject = models.TextField(null=True)  # the correlation key
    time = models.DateTimeField(null=True)  # when it happened, as the sender says
    data = JSONTextField(null=True)
    extensions = JSONTextField(default=dict)  # further CloudEvents attributes
    via = models.CharField(max_length=100)  # api, page, hook:ID, run:ID
    actor = models.CharField(max_length=200)
    chain = models.PositiveSmallIntegerField(default=0)  # runs that led to it, each by an event
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "source", "event_id"], name="event_once_per_source"
            )
        ]
        indexes = [
            models.Index(
                F("workspace"),
                OpClass("type", "varchar_pattern_ops"),
                F("id"),
                name="event_by_type",
            ),
            models.Index(
                fields=["workspace", "subject", "id"],
                condition=Q(subject__isnull=False),
                name="event_by_subject",
            ),
            models.Index(fields=["workspace", "-received_at"], name="event_newest_first"),
        ]


class EventWait(models.Model):
    """A step run that waits for an event, or an arm of its `until`.

    `channel` is what store and wait lock and look up by: the head of the type and the key.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    run = models.ForeignKey(
        "workflows_app.Run",
        models.CASCADE,
        related_name="event_waits",
        db_constraint=False,
    )
    scope = models.ForeignKey(
        "workflows_app.Scope", models.CASCADE, db_constraint=False, db_index=False
    )
    step_run = models.ForeignKey("workflows_app.StepRun", models.CASCADE, db_constraint=False)
    generation = models.IntegerField()
    path = models.TextField()
    port = models.CharField(max_length=100, blank=True)  # of an arm; empty for the step itself
    type = models.CharField(max_length=200)  # exact, or with *
    key = models.TextField(null=True)
    where = models.TextField(null=True)  # CEL over `event` and what the step may name
    channel = models.TextField()
    event = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="+")  # what it took
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step_run", "port"], name="eventwait_once_per_port")
        ]
        indexes = [
            models.Index(
                fields=["workspace", "channel", "id"],
                condition=Q(is_open=True),
                name="eventwait_open_by_channel",
            )
        ]


class EventUse(models.Model):
    """A run used an event: none of its waits takes that event again."""

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(Event, models.CASCADE, related_name="uses")
    run = models.ForeignKey(
        "workflows_app.Run", models.CASCADE, related_name="event_uses", db_constraint=False
    )
    path = models.TextField(blank=True)  # of the step that took it; empty: it started the run

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "run"], name="eventuse_once_per_run")
        ]


class TriggerFiring(models.Model):
    """A trigger fired, for an event or at a time; each at most once."""

    id = models.BigAutoField(primary_key=True)
    trigger = models.ForeignKey(WorkflowTrigger, models.CASCADE, related_name="firings")
    event = models.ForeignKey(Event, models.CASCADE, null=True, related_name="firings")
    fire_at = models.DateTimeField(null=True)  # of a schedule
    run = models.ForeignKey(
        "workflows_app.Run", models.SET_NULL, null=True, related_name="+", db_constraint=False
    )
    error = JSONTextField(null=True)  # {code, message}: it could not start a run
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trigger", "event"], name="firing_once_per_event"),
            models.UniqueConstraint(fields=["trigger", "fire_at"], name="firing_once_per_time"),
            models.CheckConstraint(
                name="firing_of_event_or_time",
                condition=Q(event__isnull=False, fire_at__isnull=True)
                | Q(event__isnull=True, fire_at__isnull=False),
            ),
        ]


class WebhookSubscription(models.Model):
    """An address outside that is told of events, signed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="subscriptions")
    name = models.CharField(max_length=100)
    event = models.CharField(max_length=200)  # a type, exact or with *
    url = models.TextField()
    secret = models.BinaryField()  # encrypted
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="subscription_name_per_workspace"
            )
        ]


class Delivery(models.Model):
    """One event on its way to one subscription."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subscription = models.ForeignKey(WebhookSubscription, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, default="pending")  # pending, delivered, failed
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now(), null=True)
    status = models.IntegerField(null=True)  # of the last answer
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "event"], name="delivery_once"),
            models.CheckConstraint(
                name="delivery_due_iff_pending",
                condition=Q(state="pending", next_at__isnull=False)
                | Q(state__in=["delivered", "failed"], next_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="delivery_due")
        ]
