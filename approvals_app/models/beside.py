"""What stands beside a request: who saw it, comments, snoozes, messages and covers."""

from django.conf import settings as project_settings
from django.db import models
from django.db.models import Q

from approvals_app.models.requests import ApprovalRequest


class SeenMark(models.Model):
    """A person has opened the request; `at` is the last time."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="seen")
    person = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "person"], name="seen_once_per_person")
        ]

    def __str__(self) -> str:
        return f"seen by {self.person_id}"


class Comment(models.Model):
    """What somebody said about a request; said once, it stays."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="comments")
    person = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"comment {self.pk}"


class Snooze(models.Model):
    """A person wants to see the request again only later, before its deadline."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="snoozes")
    person = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "person"], name="snooze_once_per_person")
        ]

    def __str__(self) -> str:
        return f"until {self.until}"


class Notice(models.Model):
    """A message to one person about one request, to be sent by mail."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="notices")
    person = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    send_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "person"], name="notice_once_per_person")
        ]
        indexes = [
            models.Index(
                fields=["send_at"], condition=Q(sent_at__isnull=True), name="notice_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"


class MailLink(models.Model):
    """The way from a mail to one answer of one person; the link itself is kept only hashed."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="mail_links")
    person = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link to {self.request_id}"


class Cover(models.Model):
    """Somebody answers in a person's place while that person is away."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey("workflows_app.Workspace", models.CASCADE, related_name="covers")
    seat = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    delegate = models.ForeignKey(project_settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    workflow = models.ForeignKey(
        "workflows_app.Workflow", models.CASCADE, null=True, related_name="+"
    )  # null: all of them
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    includes_critical = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)  # called off before its end

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="cover_ends_after_its_start"
            ),
            models.CheckConstraint(
                condition=~Q(seat=models.F("delegate")), name="cover_by_somebody_else"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "ends_at"], name="cover_in_force")]

    def __str__(self) -> str:
        return f"cover {self.pk}"

    def covers(self, *, workflow_id: object, risk: str) -> bool:
        """Tell whether it holds for requests of a workflow at a risk."""
        is_wanted = self.workflow_id is None or self.workflow_id == workflow_id
        return is_wanted and (risk != "critical" or self.includes_critical)
