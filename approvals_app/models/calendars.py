"""Business hours of a workspace, by name."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from approvals_app.core.business import Hours


class Calendar(models.Model):
    """When people of a workspace answer; time to answer can be counted by it."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(
        "workflows_app.Workspace", models.CASCADE, related_name="calendars"
    )
    name = models.CharField(max_length=100)
    zone = models.CharField(max_length=100)
    days = ArrayField(models.IntegerField())  # 1 is Monday
    opens = models.TimeField()
    closes = models.TimeField()
    holidays = ArrayField(models.DateField(), default=list)
    is_default = models.BooleanField(default=False)  # of gates that name none

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="calendar_once_per_name"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(is_default=True), name="calendar_one_default"
            ),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")), name="calendar_closes_after_it_opens"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def hours(self) -> Hours:
        """Give it as what time is counted by."""
        return Hours(
            zone=self.zone,
            days=frozenset(self.days),
            opens=self.opens,
            closes=self.closes,
            holidays=frozenset(self.holidays),
        )
