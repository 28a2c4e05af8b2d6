"""What people keep beside a draft: their edits, to take them back, and outputs they pinned."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from workflows_app.models.definitions import Workflow
from workflows_app.models.fields import JSONTextField


class DraftEdit(models.Model):
    """One saved edit of a draft; only the newest of each person are kept."""

    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="edits")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField(db_default=Now())
    label = models.CharField(max_length=200, blank=True)
    changes = JSONTextField()  # [{path, was, value, at}] as they were made
    is_undone = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["workflow", "user", "-id"], name="draftedit_newest")]


class DraftPin(models.Model):
    """An output that a person's test runs take instead of running the step."""

    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="pins")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    step = models.CharField(max_length=100)  # the id of a step of the first level
    port = models.CharField(max_length=200, default="done")
    output = JSONTextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "user", "step"], name="draftpin_one_per_step"
            )
        ]
