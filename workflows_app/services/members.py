"""Workspaces, people, their roles and groups; who changed them is always recorded."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from workflows_app.errors import Conflict, Forbidden, Invalid, NotFound
from workflows_app.identifiers import uuid7
from workflows_app.models import AppEvent, Group, Member, User, Workspace
from workflows_app.models.people import ROLES
from workflows_app.selectors.people import Principal, member_shape

DEFAULT_SLUG = "default"
# A new person for whom nothing is named may do the daily work; administration must be named.
DEFAULT_ROLES = ("viewer", "operator", "designer", "reviewer")


def workspace_default() -> Workspace:
    """Give the default workspace, which holds the gallery; made when it is first asked for."""
    found = Workspace.objects.filter(is_default=True).first()
    if found is not None:
        return found
    with transaction.atomic():
        workspace, is_new = Workspace.objects.get_or_create(
            is_default=True, defaults={"slug": DEFAULT_SLUG, "name": "Default"}
        )
        if is_new:
            app_event(workspace, "workspace.created", f"workspace:{workspace.slug}", "engine")
    return workspace


@transaction.atomic
def workspace_create(*, name: str, actor: str = "operator") -> tuple[Workspace, bool]:
    """Give the workspace of that name, made when there is none, and whether it is new."""
    slug = slugify(name)[:50]
    if not slug:
        raise Invalid("A workspace needs a name with letters or digits.")
    workspace, is_new = Workspace.objects.get_or_create(slug=slug, defaults={"name": name})
    if is_new:
        app_event(workspace, "workspace.created", f"workspace:{slug}", actor, data={"name": name})
    return workspace, is_new


def app_event(
    workspace: Workspace | None,
    what: str,
    subject: str,
    actor: str,
    *,
    why: str = "",
    data: Any = None,
) -> AppEvent:
    """Record a change outside any run, in the transaction of that change.

    Args:
        what: its type, such as `member.changed`.
        subject: what changed: `user:NAME`, `workflow:SLUG`, `service:NAME`.
    """
    return AppEvent.objects.create(
        workspace=workspace, type=what, object=subject, actor=actor, why=why, data=data
    )


@transaction.atomic
def person_create(
    *,
    username: str,
    workspace: Workspace | None = None,
    roles: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
    actor: str = "operator",
) -> User:
    """Create or change a person of a workspace.

    Args:
        roles, groups: replace what the member has; None leaves it, and gives a new member
            the roles of daily work.

    Raises:
        Invalid: a name or a role that cannot be.
    """
    _check_names(username, [])
    space = workspace or workspace_default()
    member = Member.objects.filter(workspace=space, user__username=username).first()
    known = member_shape(member) if member else {"roles": DEFAULT_ROLES, "groups": ()}
    changed, _ = member_put(
        workspace=space,
        name=username,
        roles=known["roles"] if roles is None else roles,
        groups=known["groups"] if groups is None else groups,
        active=True,
        actor=actor,
    )
    return changed.user


@transaction.atomic
def member_put(
    *,
    workspace: Workspace,
    name: str,
    roles: Iterable[str],
    groups: Iterable[str],
    active: bool,
    actor: str,
    why: str = "",
) -> tuple[Member, bool]:
    """Set a person's place in a workspace to exactly this, and say whether it is new.

    A person that nobody knows yet is created without a password.

    Raises:
        Invalid: an unknown role or an impossible name.
        Conflict: the workspace would be left without an admin.
    """
    _check_names(name, groups := sorted(set(groups)))
    roles = _check_roles(roles)
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    user = User.objects.filter(username=name).first() or _user_create(name)
    member, is_new = Member.objects.get_or_create(workspace=workspace, user=user)
    before = None if is_new else member_shape(member)
    _keep_an_admin(member, roles, active=active)
    member.roles, member.is_active = roles, active
    member.save(update_fields=["roles", "is_active"])
    member.groups.set([_group(workspace, group) for group in groups])
    after = member_shape(member)
    if before != after:
        data = {"from": before, "to": after}
        app_event(workspace, "member.changed", f"user:{name}", actor, why=why, data=data)
    return member, is_new


def _user_create(name: str) -> User:
    user = User(username=name)
    user.set_unusable_password()
    user.save()
    return user


def _group(workspace: Workspace, name: str) -> Group:
    return Group.objects.get_or_create(workspace=workspace, name=name)[0]


def _check_roles(roles: Iterable[str]) -> list[str]:
    wanted = set(roles)
    if unknown := sorted(wanted - set(ROLES)):
        raise Invalid(
            f"There is no role {unknown[0]}; the roles are {', '.join(ROLES)}.",
            problems=[{"pointer": "/roles", "code": "unknown_role", "message": unknown[0]}],
        )
    return [role for role in ROLES if role in wanted]


def _check_names(name: str, groups: list[str]) -> None:
    try:
        User.username_validator(name)
        usable = 0 < len(name) <= 150
    except Exception:  # noqa: BLE001 - Django's validator raises its own ValidationError
        usable = False
    if not usable:
        raise Invalid(
            "A name has up to 150 letters, digits and @ . + - _",
            problems=[{"pointer": "/name", "code": "name", "message": "not a usable name"}],
        )
    for group in groups:
        if len(group) > 100 or slugify(group) != group.lower() or not group:
            raise Invalid(
                f"A group's name has letters, digits, - and _ only: {group!r}",
                problems=[{"pointer": "/groups", "code": "name", "message": group[:100]}],
            )


def _keep_an_admin(member: Member, roles: list[str], *, active: bool) -> None:
    was_admin = member.is_active and "admin" in member.roles
    if not was_admin or (active and "admin" in roles):
        return
    others = Member.objects.filter(
        workspace_id=member.workspace_id, is_active=True, roles__contains=["admin"]
    ).exclude(pk=member.pk)
    if not others.exists():
        raise Conflict("A workspace keeps one active admin at least.", code="last_admin")


@transaction.atomic
def member_change_propose(
    *,
    workspace: Workspace,
    name: str,
    roles: list[str],
    groups: list[str],
    active: bool,
    actor: Principal,
) -> dict[str, Any]:
    """Ask for a change of a member in the browser; a second admin puts it into force.

    Gives the proposal: `{id, name, roles, groups, active, by}`.
    """
    actor.require("admin", workspace.pk)
    _check_names(name, groups)
    proposal = {
        "id": str(uuid7()),
        "name": name,
        "roles": _check_roles(roles),
        "groups": sorted(set(groups)),
        "active": active,
        "by": actor.actor,
    }
    locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
    pending = [p for p in locked.settings.get("member_changes", []) if p["name"] != name]
    locked.settings["member_changes"] = [*pending, proposal]
    locked.save(update_fields=["settings"])
    app_event(workspace, "member.change_proposed", f"user:{name}", actor.actor, data=proposal)
    return proposal


@transaction.atomic
def member_change_settle(
    *, workspace: Workspace, proposal_id: UUID | str, accept: bool, actor: Principal
) -> Member | None:
    """Put a proposed change into force, or drop it; whoever proposed it may only drop it.

    Raises:
        NotFound: it was settled already, or never made.
        Forbidden: the proposer tries to accept, or no admin does.
    """
    actor.require("admin", workspace.pk)
    locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
    pending = locked.settings.get("member_changes", [])
    proposal = next((p for p in pending if p["id"] == str(proposal_id)), None)
    if proposal is None:
        raise NotFound("This change is no longer proposed.")
    if accept and proposal["by"] == actor.actor:
        raise Forbidden("A second admin has to confirm this.", code="four_eyes")
    locked.settings["member_changes"] = [p for p in pending if p is not proposal]
    locked.save(update_fields=["settings"])
    if not accept:
        target = f"user:{proposal['name']}"
        app_event(workspace, "member.change_dropped", target, actor.actor, data=proposal)
        return None
    member, _ = member_put(
        workspace=workspace,
        name=proposal["name"],
        roles=proposal["roles"],
        groups=proposal["groups"],
        active=proposal["active"],
        actor=actor.actor,
        why=f"proposed by {proposal['by']}",
    )
    return member
