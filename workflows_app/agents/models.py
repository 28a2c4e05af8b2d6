"""Tools with their versions, and secrets."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from workflows_app.identifiers import uuid7
from workflows_app.models import JSONTextField, Workspace


class McpServer(models.Model):
    """A server whose tools an admin takes over; only HTTP ones are kept here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="mcp_servers")
    name = models.CharField(max_length=100)
    url = models.CharField(max_length=2000)
    headers = JSONTextField(default=dict)  # values may hold {{secret:NAME}}
    error = models.TextField(blank=True)  # why its tools could not be listed
    listed_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="mcp_server_name_per_workspace"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Tool(models.Model):
    """A named tool of a workspace that is no Python function."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="tools")
    name = models.CharField(max_length=150)
    source = models.CharField(max_length=10, default="http")  # http, mcp
    server = models.ForeignKey(McpServer, models.CASCADE, null=True, related_name="tools")
    number = models.PositiveIntegerField(default=0)  # of its newest version
    # An MCP tool that changed waits for an admin: this is the version that was accepted.
    accepted = models.PositiveIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="tool_name_per_workspace"),
            models.CheckConstraint(
                name="tool_source_known", condition=models.Q(source__in=["http", "mcp"])
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ToolVersion(models.Model):
    """One immutable state of a tool; a run keeps the one that it began with."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tool = models.ForeignKey(Tool, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    # {description, method, url, headers, input, output, effect, idempotent, timeout, undo}
    spec = JSONTextField()
    digest = models.CharField(max_length=64)  # of the spec
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tool", "number"], name="tool_version_number_per_tool")
        ]

    def __str__(self) -> str:
        return f"{self.tool_id} version {self.number}"


class Secret(models.Model):
    """A value that is only ever written; `{{secret:NAME}}` stands for it in headers."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100)
    value = models.BinaryField()  # encrypted
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="secret_name_per_workspace")
        ]

    def __str__(self) -> str:
        return self.name


class BudgetHold(models.Model):
    """What the running attempt of a step costs at most; once it has ended, its run knows."""

    step_run = models.UUIDField(primary_key=True)
    run = models.UUIDField(db_index=True)
    attempt = models.IntegerField()
    spent = models.FloatField(default=0.0)  # by calls of this attempt that were answered
    reserved = models.FloatField(default=0.0)  # the worst case of the call under way
    granted = models.FloatField(default=0.0)  # what people added to the run's budget here

    class Meta:
        indexes = [
            models.Index(fields=["run"], condition=models.Q(reserved__gt=0), name="hold_reserved")
        ]

    def __str__(self) -> str:
        return f"{self.spent + self.reserved:.4f} US dollars for {self.step_run}"


class Spend(models.Model):
    """What model calls cost on one day (UTC), for a workspace or for a workflow.

    The cost of a child run counts for the workflows of the runs around it as well.
    """

    scope = models.UUIDField()  # of the workspace or the workflow
    day = models.DateField()
    usd = models.FloatField(default=0.0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "day"], name="spend_once_a_day")]

    def __str__(self) -> str:
        return f"{self.usd:.4f} US dollars on {self.day}"


class Breaker(models.Model):
    """Whether a tool or model is being spared; shared by all runs of a workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)  # tool:NAME, model:ID
    failures = models.PositiveIntegerField(default=0)  # in a row
    opened_at = models.DateTimeField(null=True)
    probing_until = models.DateTimeField(null=True)  # one attempt looks whether it works again

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="breaker_once_per_name")
        ]

    def __str__(self) -> str:
        return self.name
