"""Who there is: workspaces, people, groups, tokens and sign-in links."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from workflows_app.identifiers import uuid7

ROLES = ("viewer", "operator", "designer", "reviewer", "admin")
SCOPES = ("read", "run", "design", "decide", "admin")


class User(AbstractUser):
    """A person; `username` is the NAME in `user:NAME`."""

    preferences = models.JSONField(default=dict)  # theme, density, undo_seconds, shortcuts


class Workspace(models.Model):
    """What everything belongs to; who is no member gets 404."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)
    settings = models.JSONField(default=dict)  # models by role, prices, egress, guardrails
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="workspace_one_default",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """One person's place in one workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=20), default=list)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="member_once_per_workspace")
        ]


class Group(models.Model):
    """Named people of a workspace: `group:NAME`."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="groups")
    name = models.SlugField(max_length=100)
    members = models.ManyToManyField(Member, related_name="groups")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="group_name_per_workspace")
        ]


class ApiToken(models.Model):
    """A bearer token, kept only as its hash. A service token has no user."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="tokens")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="tokens")
    service = models.CharField(max_length=100, blank=True)
    scopes = ArrayField(models.CharField(max_length=20))
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token, hex
    hint = models.CharField(max_length=12)  # its first characters, to tell tokens apart
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="token_of_a_person_or_a_service",
                condition=models.Q(user__isnull=False, service="")
                | (models.Q(user__isnull=True) & ~models.Q(service="")),
            ),
            models.CheckConstraint(
                name="token_of_a_service_never_decides",
                condition=models.Q(user__isnull=False) | ~models.Q(scopes__contains=["decide"]),
            ),
        ]


class SignInLink(models.Model):
    """A single-use way in; the page behind it has one button, so a scanner uses nothing up."""

    user = models.ForeignKey(User, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
