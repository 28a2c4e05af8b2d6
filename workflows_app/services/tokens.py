"""API tokens and sign-in links: shown once, kept only as their hash."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from workflows_app.errors import DomainError, Invalid, NotFound
from workflows_app.models import ApiToken, Member, SignInLink, User, Workspace
from workflows_app.models.people import SCOPES
from workflows_app.selectors.people import Principal, principal_of_token, scopes_of_roles
from workflows_app.selectors.statements import Columns, row_read
from workflows_app.services.members import app_event
from workflows_app.services.rows import cursor_open

TOKEN_PREFIX = "cs_"
SIGN_IN_LINK_LIFE = timedelta(hours=24)
LAST_USED_STEP = timedelta(minutes=1)  # so that a busy token costs no write for each call


class Unauthenticated(DomainError):
    """Nobody is known to ask."""

    status = 401
    code = "unauthenticated"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def token_create(
    *,
    workspace: Workspace,
    scopes: Iterable[str],
    actor: str,
    user: User | None = None,
    service: str | None = None,
    life: timedelta | None = None,
) -> str:
    """Make a token of a person or of a service, and give it; nothing shows it again.

    Raises:
        Invalid: an unknown scope, none at all, `decide` for a service, or no member.
    """
    wanted = _check_scopes(scopes, is_service=user is None)
    if user is not None and not Member.objects.filter(user=user, workspace=workspace).exists():
        raise Invalid(f"{user.username} is no member of {workspace.slug}.")
    plain = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        workspace=workspace,
        user=user,
        service="" if user is not None else (service or ""),
        scopes=wanted,
        digest=_digest(plain),
        hint=plain[:8],
        expires_at=Now() + life if life else None,
    )
    owner = f"user:{user.username}" if user is not None else f"service:{service}"
    data = {"token": token.pk, "scopes": wanted, "hint": token.hint}
    app_event(workspace, "token.created", owner, actor, data=data)
    return plain


def _check_scopes(scopes: Iterable[str], *, is_service: bool) -> list[str]:
    wanted = set(scopes)
    if unknown := sorted(wanted - set(SCOPES)):
        raise Invalid(f"There is no scope {unknown[0]}; the scopes are {', '.join(SCOPES)}.")
    if not wanted:
        raise Invalid("A token needs one scope at least.")
    if is_service and "decide" in wanted:
        raise Invalid("A service never decides; leave the scope decide out.", code="no_decide")
    return [scope for scope in SCOPES if scope in wanted]


@transaction.atomic
def token_revoke(*, token: ApiToken, actor: str, why: str = "") -> None:
    """End a token now; a second time changes nothing."""
    ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now())
    if ended:
        owner = f"user:{token.user.username}" if token.user else f"service:{token.service}"
        data = {"token": token.pk}
        app_event(token.workspace, "token.revoked", owner, actor, why=why, data=data)


_TOKENS, _SPACES, _USERS = Columns(ApiToken, "t"), Columns(Workspace, "w"), Columns(User, "u")
_TOKEN = f"""
SELECT {_TOKENS.sql}, {_SPACES.sql}, {_USERS.sql}, m.roles
FROM workflows_app_apitoken t
JOIN workflows_app_workspace w ON w.id = t.workspace_id
LEFT JOIN workflows_app_user u ON u.id = t.user_id
LEFT JOIN workflows_app_member m
  ON m.user_id = t.user_id AND m.workspace_id = t.workspace_id AND m.is_active
WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
  AND (t.user_id IS NULL OR (u.is_active AND m.id IS NOT NULL))
"""  # noqa: S608 - made of names of columns


def token_check(plain: str) -> Principal:
    """Give the principal that a bearer token stands for.

    Raises:
        Unauthenticated: unknown, expired or revoked, or its person is no longer active.
    """
    row = row_read(_TOKEN, [_digest(plain)])
    if row is None:
        raise Unauthenticated("The token is unknown, expired or revoked.", code="bad_token")
    token = _TOKENS.make(row)
    token.workspace = _SPACES.make(row, len(_TOKENS))
    if token.user_id is not None:
        token.user = _USERS.make(row, len(_TOKENS) + len(_SPACES))
    principal = principal_of_token(token, roles=row[-1])
    if token.last_used_at is None or token.last_used_at < timezone.now() - LAST_USED_STEP:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - LAST_USED_STEP)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=Now())
    return principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who may start and steer runs, and where."""

    workspace_id: UUID
    actor: str


_SENDERS = """
SELECT t.digest, t.id, t.workspace_id, t.service, u.username, t.scopes, m.roles,
  coalesce(t.last_used_at < now() - %s, true)
FROM workflows_app_apitoken t
LEFT JOIN workflows_app_user u ON u.id = t.user_id
LEFT JOIN workflows_app_member m
  ON m.user_id = t.user_id AND m.workspace_id = t.workspace_id AND m.is_active
WHERE t.digest = ANY(%s) AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > now())
  AND (t.user_id IS NULL OR (u.is_active AND m.id IS NOT NULL))
"""


def tokens_senders(plain: Collection[str]) -> dict[str, Sender]:
    """Give who may send events with these tokens; the others are left out.

    It is asked for each group of events anew: a token that was revoked sends nothing more.
    """
    by_digest = {_digest(one): one for one in plain}
    cursor = cursor_open()
    cursor.execute(_SENDERS, [LAST_USED_STEP, list(by_digest)], prepare=True)
    found: dict[str, Sender] = {}
    stale = []
    for digest, token, workspace_id, service, username, scopes, roles, is_stale in cursor:
        if "run" not in scopes or (username and "run" not in scopes_of_roles(roles)):
            continue
        actor = f"user:{username}" if username else f"service:{service}"
        found[by_digest[digest]] = Sender(workspace_id=workspace_id, actor=actor)
        if is_stale:
            stale.append(token)
    if stale:
        ApiToken.objects.filter(pk__in=stale).update(last_used_at=Now())
    return found


@transaction.atomic
def sign_in_link_create(*, user: User, actor: str = "operator") -> str:
    """Make a single-use link of 24 hours and give its token (the last part of its address)."""
    plain = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user, digest=_digest(plain), expires_at=Now() + SIGN_IN_LINK_LIFE
    )
    sign_in_event(user, "sign_in.link_created", actor=actor)
    return plain


def sign_in_link_find(token: str) -> SignInLink | None:
    """Give the link if it could still be used; looking uses nothing up."""
    return (
        SignInLink.objects.filter(digest=_digest(token), used_at=None, expires_at__gt=Now())
        .filter(user__is_active=True)
        .select_related("user")
        .first()
    )


@transaction.atomic
def sign_in_link_use(token: str) -> User:
    """Use a link up and give its person.

    Raises:
        NotFound: with the code `link_used_up`: unknown, used, or past its 24 hours.
    """
    link = sign_in_link_find(token)
    claimed = link is not None and SignInLink.objects.filter(
        pk=link.pk, used_at=None, expires_at__gt=Now()
    ).update(used_at=Now())
    if link is None or not claimed:
        raise NotFound("This link was used already or is too old.", code="link_used_up")
    sign_in_event(link.user, "sign_in.succeeded", actor=f"user:{link.user.username}", how="link")
    return link.user


def sign_in_event(user: User, what: str, *, actor: str, how: str | None = None) -> None:
    """Record a sign-in in each workspace of the person."""
    memberships = Member.objects.filter(user=user).select_related("workspace").order_by("pk")
    for member in memberships:
        data = {"how": how} if how else None
        app_event(member.workspace, what, f"user:{user.username}", actor, data=data)
