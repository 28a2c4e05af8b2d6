"""Workflows, their drafts and their published versions."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from workflows_app.identifiers import uuid7
from workflows_app.models.fields import JSONTextField
from workflows_app.models.people import Workspace


class Workflow(models.Model):
    """A named process with one draft and any number of versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="workflows")
    slug = models.SlugField(max_length=100)
    name = models.CharField(max_length=200)
    draft = JSONTextField()  # the definition being edited; may be incomplete
    revision = models.PositiveIntegerField(default=1)
    draft_editors = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    is_gallery = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], name="workflow_slug_per_workspace"
            )
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """One published, immutable definition with its expansion into primitives."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(null=True)  # null: a draft's rehearsal copy
    digest = models.CharField(max_length=64)
    definition = JSONTextField()
    expanded = JSONTextField()
    # What the version pins beside its text: {"tools": {name: version id},
    # "workflows": {slug: version id}, "models": {role: model id}}
    pins = JSONTextField(default=dict)
    note = models.TextField(blank=True)
    editors = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "number"], name="version_number_per_workflow"
            )
        ]


class WorkflowTrigger(models.Model):
    """A trigger that publishing registered; only the newest version's are active."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="triggers")
    version = models.ForeignKey(WorkflowVersion, models.CASCADE, related_name="triggers")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)  # event, schedule, webhook
    settings = JSONTextField()
    is_active = models.BooleanField(default=True)
    secret = models.BinaryField(null=True)  # encrypted; webhooks only
    next_at = models.DateTimeField(null=True)  # schedules only
