"""Runs and what they are made of: scopes, step runs, attempts, timers, inboxes, undos.

Children name their run without a foreign-key constraint: its check would lock the run row
for every insert, and the run row is the one that everything in a run shares. Rows are only
ever removed together, by retention.
"""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Now

from workflows_app.core.states import RunState, ScopeState, StepState, WaitReason
from workflows_app.identifiers import uuid7
from workflows_app.models.definitions import Workflow, WorkflowVersion
from workflows_app.models.fields import JSONTextField
from workflows_app.models.people import Workspace


def _one_of(field: str, values: Any, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [value.value for value in values]}), name=name
    )


def _child_of_run(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        "workflows_app.Run",
        models.CASCADE,
        related_name=related_name,
        db_constraint=False,
        db_index=False,
    )


class Run(models.Model):
    """One execution of one version."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(
        unique=True, db_default=Func(Value("run_number"), function="nextval")
    )
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs")
    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="runs")
    version = models.ForeignKey(WorkflowVersion, models.CASCADE, related_name="runs")
    mode = models.CharField(max_length=10, default="live")  # live, rehearsal
    state = models.CharField(max_length=20, default=RunState.QUEUED.value)
    input = JSONTextField(null=True)
    output = JSONTextField(null=True)
    error = JSONTextField(null=True)  # {code, message, path}
    degraded = JSONTextField(default=list)  # [{path, code, message}]
    # How it is to end once what still runs has stopped: {"state", "error", "rollback",
    # "reason", "actor"}; null while it goes on.
    ending = JSONTextField(null=True)
    sequence = models.IntegerField(default=0)  # of its newest history event
    active = models.IntegerField(default=0)  # step runs that are ready or running leaves
    step_count = models.IntegerField(default=0)
    has_superseded = models.BooleanField(default=False)
    uses_stand_in = models.BooleanField(default=False)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.FloatField(default=0.0)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    started_via = models.CharField(max_length=100, default="api")  # api, page, command, trigger:ID
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    parent_step_run = models.UUIDField(null=True)
    parent_path = models.TextField(blank=True)
    depth = models.PositiveSmallIntegerField(default=0)
    continued_from = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    # The path at which it goes on from there, or ""; null: it took no result over.
    continued_path = models.TextField(null=True)
    deadline_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            _one_of("state", RunState, "run_state_known"),
            models.CheckConstraint(
                name="run_finished_iff_terminal",
                condition=Q(
                    state__in=["succeeded", "failed", "cancelled", "timed_out", "compensated"],
                    finished_at__isnull=False,
                )
                | (
                    ~Q(state__in=["succeeded", "failed", "cancelled", "timed_out", "compensated"])
                    & Q(finished_at__isnull=True)
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-number"], name="run_newest_first"),
            models.Index(fields=["workflow", "-number"], name="run_newest_of_workflow"),
            models.Index(fields=["state", "-number"], name="run_by_state"),
            models.Index(
                fields=["deadline_at"],
                condition=Q(finished_at__isnull=True),
                name="run_open_deadline",
            ),
        ]


class Scope(models.Model):
    """One graph being run, with its lock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = _child_of_run("scopes")
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="children", db_constraint=False
    )
    container_id = models.UUIDField(null=True)  # the step run whose body this is
    ancestors = ArrayField(models.UUIDField(), default=list)  # scopes from the root to the parent
    kind = models.CharField(max_length=10)  # root, group, item, iteration, visit, undo
    body = models.TextField(blank=True)  # key of the body in the version's graphs
    override = JSONTextField(null=True)  # a body that is data: a plan, undos, a changed rest
    path = models.TextField(blank=True)  # prefix of its step runs' paths; "" for the root
    position = models.IntegerField(null=True)  # index of the item or iteration, from 0
    state = models.CharField(max_length=10, default=ScopeState.OPEN.value)
    # Why it closes: {"outcome", "error", "cancelled": bool}; null while it goes on.
    closing = JSONTextField(null=True)
    values = JSONTextField(default=dict)  # item, index, iteration, previous, state, feedback
    output = JSONTextField(null=True)
    slot = models.CharField(max_length=10, blank=True)  # of a map: held, released, queued

    class Meta:
        constraints = [_one_of("state", ScopeState, "scope_state_known")]
        indexes = [
            models.Index(fields=["run"], name="scope_of_run"),
            models.Index(
                fields=["container_id", "position"],
                condition=Q(container_id__isnull=False),
                name="scope_of_container",
            ),
        ]


class StepRun(models.Model):
    """A step of the version inside a run, for one generation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = _child_of_run("step_runs")
    scope = models.ForeignKey(
        Scope, models.CASCADE, related_name="step_runs", db_constraint=False, db_index=False
    )
    step = models.CharField(max_length=100)
    kind = models.CharField(max_length=50)
    path = models.TextField()
    generation = models.IntegerField(default=0)
    is_current = models.BooleanField(default=True)
    state = models.CharField(max_length=20)
    port = models.TextField(null=True)  # the one that was taken; several joined by "+"
    attempt = models.IntegerField(default=0)
    token = models.UUIDField(null=True)  # fencing: a late result finds no row
    lease_owner = models.CharField(max_length=100, null=True)
    lease_expires_at = models.DateTimeField(null=True)
    is_container = models.BooleanField(default=False)  # its body is open
    is_announced = models.BooleanField(default=False)  # step.started is in the history
    is_held = models.BooleanField(default=False)  # ready, but its item has no slot
    is_cancelling = models.BooleanField(default=False)  # let finish, then take no port
    is_degraded = models.BooleanField(default=False)  # optional, and failed
    effect = models.CharField(max_length=12, default="none")
    is_idempotent = models.BooleanField(default=True, db_default=True)  # its call may be repeated
    approved_digest = models.CharField(max_length=64, null=True)
    input = JSONTextField(null=True)  # the rendered settings: the proposal, fixed
    output = JSONTextField(null=True)
    error = JSONTextField(null=True)  # {code, message}
    reason = models.CharField(max_length=12, null=True)  # why it waits
    waiting = JSONTextField(null=True)  # {"approval", "event", "until"} as far as they apply
    # What the container or the waiting kind must remember: counters of a map, an iteration.
    progress = JSONTextField(null=True)
    feedback = JSONTextField(null=True)  # why the last generation was sent back
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.FloatField(default=0.0)
    ready_at = models.DateTimeField(null=True)
    send_at = models.DateTimeField(null=True)  # when the sweeper sends a ready step again
    sends = models.SmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "path", "generation"], name="steprun_one_per_path"
            ),
            _one_of("state", StepState, "steprun_state_known"),
            models.CheckConstraint(
                name="steprun_leased_iff_running",
                condition=Q(state="running", is_container=False, lease_expires_at__isnull=False)
                | (~Q(state="running", is_container=False) & Q(lease_expires_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="steprun_reason_iff_waiting",
                condition=Q(state="waiting", reason__in=[reason.value for reason in WaitReason])
                | (~Q(state="waiting") & Q(reason__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["scope"], name="steprun_of_scope"),
            models.Index(fields=["ready_at"], condition=Q(state="ready"), name="steprun_ready"),
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(lease_expires_at__isnull=False),
                name="steprun_leased",
            ),
        ]


class Attempt(models.Model):
    """One try of a step run, written when it ended."""

    step_run = models.ForeignKey(
        StepRun, models.CASCADE, related_name="attempts", db_constraint=False
    )
    number = models.IntegerField()
    worker = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=20)  # succeeded, failed, lost, suspended, cancelled
    error = JSONTextField(null=True)
    details = JSONTextField(null=True)  # what the kind tells of it: tokens, model, status


class Timer(models.Model):
    """A stored "wake me at": the fact that goes into the scope's inbox when it is due."""

    id = models.BigAutoField(primary_key=True)
    run = _child_of_run("timers")
    scope = models.ForeignKey(Scope, models.CASCADE, db_constraint=False, db_index=False)
    step_run = models.ForeignKey(StepRun, models.CASCADE, null=True, db_constraint=False)
    name = models.CharField(max_length=120)  # retry, delay, timeout, until:PORT, dispatch
    due_at = models.DateTimeField(db_index=True)
    fact = JSONTextField()


class InboxFact(models.Model):
    """A fact left for a scope by someone who does not hold its lock."""

    id = models.BigAutoField(primary_key=True)
    run = _child_of_run("inbox")
    scope = models.ForeignKey(Scope, models.CASCADE, db_constraint=False)
    fact = JSONTextField()
    # Counted in the run's active work: left by the engine itself, which handles it at once.
    is_counted = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())


class Undo(models.Model):
    """What reverses a step, recorded before the step acts and completed by its output."""

    id = models.BigAutoField(primary_key=True)
    run = _child_of_run("undos")
    step_run = models.ForeignKey(StepRun, models.CASCADE, related_name="undos", db_constraint=False)
    path = models.TextField()
    generation = models.IntegerField()
    spec = JSONTextField()  # {"tool", "arguments"}: arguments rendered once the output is there
    # recorded (acting), armed (completed), running, done, failed, skipped, dropped (it never acted)
    state = models.CharField(max_length=10, default="recorded")
    ordinal = models.IntegerField(null=True)  # the history sequence of the step's end

    class Meta:
        indexes = [models.Index(fields=["run", "-ordinal"], name="undo_newest_first")]


class IdempotencyKey(models.Model):
    """A caller's name for one start; the same key acts once for 30 days."""

    workflow = models.ForeignKey(Workflow, models.CASCADE)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # of the request's body
    run = models.ForeignKey(Run, models.CASCADE, null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workflow", "key"], name="key_once_per_workflow")
        ]


class ExclusiveHold(models.Model):
    """Who holds a name of `exclusive` in a run; kept while the holder waits."""

    run = _child_of_run("holds")
    name = models.CharField(max_length=100)
    step_run_id = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="hold_one_per_name")]


class CachedResult(models.Model):
    """The result of a call without effect, kept for steps that ask the same again."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)  # of kind, settings and tool version
    output = JSONTextField(null=True)
    run_id = models.UUIDField()  # where it came from
    path = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "digest"], name="cached_once")]
