"""Who looks at requests: read once for a page, however many questions it asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from approvals_app.models import Cover
from approvals_app.selectors.people import covers_now
from workflows_app.models import Group, Member, User
from workflows_app.selectors.people import Principal, principal_of_user


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody, with all names under which they can be asked, and for whom they stand in now.

    Keep it no longer than one page: memberships and covers change.

    Args:
        reads: workspaces in which every request may be seen.
        names: by workspace, for each of the person's active memberships.
        covers: in force, each with the names under which its absent person can be asked.
    """

    user: User | None
    reads: frozenset[UUID]
    names: dict[UUID, frozenset[str]]
    covers: tuple[tuple[Cover, frozenset[str]], ...]

    @property
    def workspace_ids(self) -> frozenset[UUID]:
        """Give the workspaces of which the person is an active member."""
        return frozenset(self.names)

    @property
    def key(self) -> object:
        """Give all that what they may see depends on, and nothing else."""
        covers = tuple(
            (cover.workspace_id, cover.workflow_id, cover.includes_critical, names)
            for cover, names in self.covers
        )
        user = None if self.user is None else self.user.pk
        return user, self.reads, frozenset(self.names.items()), covers


type Looker = Viewer | Principal | User


def viewer_of(who: Looker) -> Viewer:
    """Give the viewer that a person or a service is; a viewer is given back."""
    if isinstance(who, Viewer):
        return who
    principal = who if isinstance(who, Principal) else principal_of_user(who)
    user = principal.user
    reads = frozenset(
        grant.workspace.pk
        for grant in principal.grants
        if "read" in grant.scopes and (grant.roles or user is None)
    )
    if user is None:
        return Viewer(user=None, reads=reads, names={}, covers=())
    names = _own_names(principal)
    covers = list(covers_now().filter(workspace_id__in=principal.workspace_ids, delegate=user))
    theirs = _names({one.seat_id for one in covers}, principal.workspace_ids) if covers else {}
    return Viewer(
        user=user,
        reads=reads,
        names=names,
        covers=tuple(
            (one, theirs.get((one.seat_id, one.workspace_id), frozenset())) for one in covers
        ),
    )


def _own_names(principal: Principal) -> dict[UUID, frozenset[str]]:
    """Give by workspace every name under which whoever asks can be asked."""
    user = principal.user
    if user is None or not user.is_active:
        return dict.fromkeys(principal.workspace_ids, frozenset())
    groups: dict[UUID, set[str]] = {space: set() for space in principal.workspace_ids}
    mine = Group.objects.filter(
        workspace_id__in=principal.workspace_ids, members__user=user, members__is_active=True
    )
    for space, name in mine.values_list("workspace_id", "name"):
        groups[space].add(f"group:{name}")
    return {
        grant.workspace.pk: frozenset(
            {f"user:{user.username}", *groups[grant.workspace.pk]}
            | {f"role:{role}" for role in grant.roles}
        )
        for grant in principal.grants
    }


def _names(
    people: Iterable[int], workspaces: frozenset[UUID]
) -> dict[tuple[int, UUID], frozenset[str]]:
    """Give every name under which people can be asked, by person and workspace."""
    members = (
        Member.objects.filter(
            user_id__in=list(people),
            workspace_id__in=workspaces,
            is_active=True,
            user__is_active=True,
        )
        .select_related("user")
        .prefetch_related("groups")
    )
    return {
        (member.user_id, member.workspace_id): frozenset(
            {
                f"user:{member.user.username}",
                *(f"group:{group.name}" for group in member.groups.all()),
                *(f"role:{role}" for role in member.roles),
            }
        )
        for member in members
    }
