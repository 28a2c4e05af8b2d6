"""What the sample tools have done: the whole outside world of the gallery."""

from django.db import models
from django.db.models.functions import Now


class SampleEffect(models.Model):
    """One act of a sample tool; a repeat with the same key finds it instead of acting again."""

    key = models.CharField(max_length=500)  # the caller's idempotency key
    tool = models.CharField(max_length=100)
    arguments = models.JSONField()
    result = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "tool"], name="sampleeffect_once_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.key}"
