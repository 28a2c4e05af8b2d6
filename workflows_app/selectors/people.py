"""Who is asking, and what that person or service may do where."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet

from workflows_app.errors import Forbidden, NotFound
from workflows_app.models import ApiToken, Group, Member, User, Workspace
from workflows_app.models.people import SCOPES

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "run"}),
    "designer": frozenset({"read", "design"}),
    "reviewer": frozenset({"read", "decide"}),
    "admin": frozenset(SCOPES),
}
# Deciding needs to be an assignee, no more: each request checks that for itself.
MEMBER_SCOPES = frozenset({"decide"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a principal may do in one workspace."""

    workspace: Workspace
    roles: frozenset[str]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: a person or a service, with a grant for each workspace.

    `actor` is what the history records: `user:NAME` or `service:NAME`. `via` is `api` for a
    token, `page` for a session, `command` for the command line.
    """

    user: User | None = None
    service: str | None = None
    grants: tuple[Grant, ...]
    actor: str
    via: Literal["api", "page", "command"]

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        return tuple(grant.workspace for grant in self.grants)

    @property
    def workspace_ids(self) -> frozenset[UUID]:
        return frozenset(grant.workspace.pk for grant in self.grants)

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset[str]().union(*(grant.scopes for grant in self.grants))

    @property
    def roles(self) -> frozenset[str]:
        return frozenset[str]().union(*(grant.roles for grant in self.grants))

    @property
    def home(self) -> Workspace:
        """Give the workspace that is meant where none is named: the default one, else the first."""
        if not self.grants:
            raise Forbidden("You belong to no workspace.", code="no_workspace")
        return next((space for space in self.workspaces if space.is_default), self.workspaces[0])

    def can(self, scope: str, workspace_id: UUID) -> bool:
        return any(
            grant.workspace.pk == workspace_id and scope in grant.scopes for grant in self.grants
        )

    def require(self, scope: str, workspace_id: UUID) -> None:
        """Refuse who lacks `scope` in that workspace.

        Raises:
            Forbidden: with the code `scope_missing`.
        """
        if not self.can(scope, workspace_id):
            raise Forbidden(f"This needs the scope {scope}.", code="scope_missing", scope=scope)


Actor = Principal | User


def scopes_of_roles(roles: Iterable[str]) -> frozenset[str]:
    """Give the scopes that a member with these roles has; roles add up."""
    return MEMBER_SCOPES.union(*(ROLE_SCOPES.get(role, frozenset()) for role in roles))


def principal_of_user(user: User, *, via: Literal["api", "page", "command"] = "page") -> Principal:
    """Give the principal of a signed-in person: every active membership counts."""
    memberships = Member.objects.filter(user=user, is_active=True).select_related("workspace")
    return Principal(
        user=user,
        grants=tuple(
            Grant(
                workspace=member.workspace,
                roles=frozenset(member.roles),
                scopes=scopes_of_roles(member.roles),
            )
            for member in memberships.order_by("pk")
        ),
        actor=f"user:{user.username}",
        via=via,
    )


def principal_of_token(token: ApiToken, *, roles: Iterable[str]) -> Principal:
    """Give the principal of a token of a service, or of a member with these roles.

    A person's token never reaches further than the person: its scopes are cut to the roles.
    """
    scopes = frozenset(token.scopes)
    if token.user is None:
        grant = Grant(workspace=token.workspace, roles=frozenset(), scopes=scopes - {"decide"})
        name = token.service
        return Principal(service=name, grants=(grant,), actor=f"service:{name}", via="api")
    known = frozenset(roles)
    grant = Grant(workspace=token.workspace, roles=known, scopes=scopes & scopes_of_roles(known))
    return Principal(
        user=token.user, grants=(grant,), actor=f"user:{token.user.username}", via="api"
    )


def workspace_ids_of(actor: Actor) -> frozenset[UUID]:
    """Give the workspaces whose objects `actor` may know of."""
    if isinstance(actor, Principal):
        return actor.workspace_ids
    return frozenset(
        Member.objects.filter(user_id=actor.pk, is_active=True).values_list(
            "workspace_id", flat=True
        )
    )


def workspace_get(*, name: str, actor: Actor | None = None) -> Workspace:
    """Give the workspace with that slug or name; for the command line `actor` is None.

    Raises:
        NotFound: there is none, or `actor` is no member of it.
    """
    found = Workspace.objects.filter(slug=name).first()
    found = found or Workspace.objects.filter(name=name).order_by("created_at").first()
    if found is None or (actor is not None and found.pk not in workspace_ids_of(actor)):
        raise NotFound(f"There is no workspace {name}.")
    return found


def member_shape(member: Member) -> dict[str, Any]:
    """Give `{name, roles, groups, active}` as the API and the pages show it."""
    return {
        "name": member.user.username,
        "roles": sorted(member.roles),
        "groups": sorted(group.name for group in member.groups.all()),
        "active": member.is_active,
    }


def member_list(*, actor: Actor, workspace: Workspace) -> QuerySet[Member]:
    """Give the members of a workspace in the order they joined, with person and groups."""
    members = Member.objects.filter(workspace=workspace, workspace_id__in=workspace_ids_of(actor))
    return members.select_related("user").prefetch_related("groups").order_by("-pk")


def group_list(*, actor: Actor, workspace: Workspace) -> QuerySet[Group]:
    """Give the groups of a workspace by name, with their members."""
    groups = Group.objects.filter(workspace=workspace, workspace_id__in=workspace_ids_of(actor))
    return groups.prefetch_related("members__user").order_by("name")


def token_list(*, actor: Actor, workspace: Workspace) -> QuerySet[ApiToken]:
    """Give the tokens of a workspace, newest first; only hints, for nobody has the tokens."""
    tokens = ApiToken.objects.filter(workspace=workspace, workspace_id__in=workspace_ids_of(actor))
    return tokens.select_related("user").order_by("-pk")
