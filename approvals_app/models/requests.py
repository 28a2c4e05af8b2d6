"""What people are asked, and what they answered.

A request may change until it ends; an answer never does: votes, undone votes, edits and
delegations are append-only, which the database itself enforces (see the migrations).
"""

from django.conf import settings as project_settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Now

from approvals_app.core.policy import RISKS
from approvals_app.core.states import ApprovalState
from workflows_app.identifiers import uuid7
from workflows_app.models import JSONTextField

NAME = models.CharField(max_length=200)


class ApprovalRequest(models.Model):
    """One question about one step run: may exactly this happen?

    `action` is what the digest was made of; its text is what people are shown.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(
        unique=True, db_default=Func(Value("approval_number"), function="nextval")
    )
    workspace = models.ForeignKey(
        "workflows_app.Workspace", models.CASCADE, related_name="approvals"
    )
    run = models.ForeignKey(
        "workflows_app.Run", models.CASCADE, related_name="approvals", db_constraint=False
    )
    scope = models.ForeignKey(
        "workflows_app.Scope",
        models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    step_run = models.ForeignKey(
        "workflows_app.StepRun", models.CASCADE, related_name="+", db_constraint=False
    )
    workflow = models.ForeignKey("workflows_app.Workflow", models.CASCADE, related_name="+")
    version = models.ForeignKey("workflows_app.WorkflowVersion", models.CASCADE, related_name="+")
    previous = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    path = models.TextField()
    gate = models.TextField(default="")  # the path without indexes: what its record is kept by
    entity = models.CharField(max_length=200, default="")  # whom the arguments are about
    generation = models.IntegerField(default=0)
    kind = models.CharField(max_length=50, blank=True)  # of the step that waits
    reason = models.CharField(max_length=12)  # approval, review, checkpoint
    mode = models.CharField(max_length=10)  # live, rehearsal
    settings = JSONTextField()  # as rendered for this request

    action = JSONTextField(null=True)
    digest = models.CharField(max_length=64)
    summary = models.TextField()
    details = models.TextField(blank=True)
    recommendation = models.TextField(blank=True)
    confidence = models.FloatField(null=True)
    risk = models.CharField(max_length=10, default="medium")
    impact = models.TextField(blank=True)
    alternatives = JSONTextField(default=list)  # [{summary, why, confidence}]
    links = JSONTextField(default=list)  # [{label, url}]
    requested_by = models.CharField(max_length=200)
    why = models.TextField(blank=True)
    unusual = JSONTextField(null=True)  # [{code, text, requests, versions}]; null: not yet known
    is_blind = models.BooleanField(default=False)  # the agent's view is hidden until the answer
    is_sampled = models.BooleanField(default=False)  # a relaxed gate asked it all the same

    assignees = ArrayField(NAME, default=list)  # user:NAME, group:NAME: everybody asked so far
    present = ArrayField(NAME, default=list)  # those of the newest rung
    need = models.CharField(max_length=10, default="1")  # a number, or all
    decisions = ArrayField(models.CharField(max_length=20), default=list)
    form = JSONTextField(null=True)
    requesters = ArrayField(models.BigIntegerField(), default=list)  # user ids, at the request
    starter = models.BigIntegerField(null=True)  # user id

    state = models.CharField(max_length=20, default=ApprovalState.PENDING.value)
    round = models.IntegerField(default=1)  # one more each time earlier votes are cleared
    on_timeout = models.CharField(max_length=10, default="deny")
    ladder = JSONTextField(default=list)  # [{after: seconds, assignees}]
    climbed = models.IntegerField(default=0)  # rungs reached
    deadline_at = models.DateTimeField()
    next_due_at = models.DateTimeField(null=True)  # null once nothing is due any more
    decided_by = models.ForeignKey(
        project_settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    effective_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_why = models.TextField(blank=True)
    requested_at = models.DateTimeField(db_default=Now())
    is_told = models.BooleanField(default=False)  # those asked now have their messages

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step_run"],
                condition=Q(state="pending"),
                name="approval_one_pending_per_step",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ApprovalState]),
                name="approval_state_known",
            ),
            models.CheckConstraint(condition=Q(risk__in=RISKS), name="approval_risk_known"),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__range=(0, 1)),
                name="approval_confidence_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", closed_at__isnull=True, next_due_at__isnull=False)
                | (~Q(state="pending") & Q(closed_at__isnull=False, next_due_at__isnull=True)),
                name="approval_open_iff_pending",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["approved", "rejected", "taken_over"],
                    decided_at__isnull=False,
                    effective_at__isnull=False,
                )
                | ~Q(state__in=["approved", "rejected", "taken_over"]),
                name="approval_decided_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "state", "-number"], name="approval_newest_first"),
            models.Index(
                fields=["next_due_at"],
                condition=Q(state="pending"),
                name="approval_due",
            ),
            models.Index(
                fields=["workspace", "next_due_at", "number"],
                condition=Q(state="pending"),
                name="approval_queue",
            ),
            models.Index(
                fields=["workspace", "-closed_at", "-number"],
                condition=~Q(state="pending"),
                name="approval_closed",
            ),
            models.Index(
                fields=["decided_by", "-effective_at"],
                condition=Q(effective_at__isnull=False),
                name="approval_undoable",
            ),
            models.Index(
                fields=["number"],
                condition=Q(state="pending", is_told=False),
                name="approval_untold",
            ),
            models.Index(
                fields=["number"],
                condition=Q(state="pending", unusual__isnull=True),
                name="approval_unexamined",
            ),
            models.Index(
                fields=["workflow", "gate", "-number"],
                condition=Q(state__in=["approved", "rejected", "taken_over"]),
                name="approval_gate_history",
            ),
            models.Index(
                fields=["workflow", "gate", "entity", "-number"],
                condition=Q(state__in=["approved", "rejected", "taken_over"]),
                name="approval_entity_history",
            ),
            models.Index(
                fields=["workflow", "gate"],
                condition=Q(is_sampled=True),
                name="approval_gate_sample",
            ),
        ]

    def __str__(self) -> str:
        return f"APR-{self.number}"

    @property
    def state_word(self) -> str:
        """Give the state as a word for people."""
        return self.state.replace("_", " ").capitalize()

    @property
    def is_question(self) -> bool:
        """Tell whether the step is itself the question, so that the answer is its output."""
        return self.kind == "approval" and self.reason == "approval"

    @property
    def reference(self) -> str:
        """Give the number as people say it."""
        return f"APR-{self.number}"


class Vote(models.Model):
    """One person's answer in one round; `turn` counts their answers after an undo."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="votes")
    round = models.IntegerField()
    turn = models.IntegerField(default=1)
    person = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    # In whose place: the person, or the assignee who handed it on to them.
    seat = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10)  # approve, reject, take_over, change
    reason = models.TextField(blank=True)
    digest = models.CharField(max_length=64)  # the one the person saw
    answer = JSONTextField(null=True)  # {arguments, label, output, changes}, where given
    answer_digest = models.CharField(max_length=64)  # what the round agrees on
    body_digest = models.CharField(max_length=64)  # tells a repeat from another answer
    via = models.CharField(max_length=10)  # page, token, mail
    is_decisive = models.BooleanField(default=False)
    is_own_rehearsal = models.BooleanField(default=False)  # by whoever asked for it
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "round", "person", "turn"], name="vote_once_per_person"
            ),
            models.UniqueConstraint(
                fields=["request", "round", "seat", "turn"], name="vote_once_per_seat"
            ),
            models.CheckConstraint(
                condition=Q(decision__in=["approve", "reject", "take_over", "change"]),
                name="vote_decision_known",
            ),
            models.CheckConstraint(
                condition=~Q(decision="reject") | ~Q(reason=""), name="vote_rejects_with_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} in round {self.round}"


class UndoneVote(models.Model):
    """A vote that its own person took back before it took effect."""

    vote = models.OneToOneField(Vote, models.CASCADE, related_name="undone")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"vote {self.vote_id} taken back"


class Edit(models.Model):
    """A change of the proposed arguments; what the agent proposed stays for ever."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="edits")
    vote = models.OneToOneField(Vote, models.CASCADE, related_name="edit")
    before = JSONTextField()  # the whole action
    after = JSONTextField()
    digest_before = models.CharField(max_length=64)
    digest_after = models.CharField(max_length=64)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.digest_before[:8]} to {self.digest_after[:8]}"


class Delegation(models.Model):
    """An assignee's seat, handed to a person or a group for one request."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="delegations")
    seat = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    to = models.CharField(
        max_length=200
    )  # user:NAME or group:NAME; groups are read at the decision
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "seat", "to"], name="delegation_once_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"to {self.to}"
