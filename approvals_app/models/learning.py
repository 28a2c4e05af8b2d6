"""What a relaxed gate let pass, and what made it ask again."""

from django.db import models


class RelaxedPass(models.Model):
    """One proposal that a relaxed gate did not ask about."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.ForeignKey("workflows_app.Workflow", models.CASCADE, related_name="+")
    version = models.ForeignKey("workflows_app.WorkflowVersion", models.CASCADE, related_name="+")
    run = models.ForeignKey(
        "workflows_app.Run", models.CASCADE, related_name="+", db_constraint=False
    )
    step_run = models.UUIDField(unique=True)
    gate = models.TextField()
    path = models.TextField()
    digest = models.CharField(max_length=64)  # of the action that went ahead
    rule = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["workflow", "gate", "-at"], name="relaxedpass_newest")]

    def __str__(self) -> str:
        return f"{self.path} passed"


class GateStop(models.Model):
    """Why a relaxed gate asks every time again, until its rule is published anew.

    `since` is the version that brought the rule, `at_version` the one that ran.
    """

    id = models.BigAutoField(primary_key=True)
    workflow = models.ForeignKey("workflows_app.Workflow", models.CASCADE, related_name="+")
    gate = models.TextField()
    since = models.IntegerField()
    at_version = models.IntegerField()
    code = models.CharField(max_length=10)  # tightened, reset
    why = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "gate", "since", "at_version"], name="gatestop_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.gate}: {self.why}"
