"""Who stands behind `user:NAME`, `group:NAME` and `role:NAME`, at this moment."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from approvals_app.core.policy import Gate, Need, Person
from approvals_app.models import ApprovalRequest, Cover, Vote
from approvals_app.selectors.clock import DatabaseClock
from workflows_app.models import Group, Member, User

SHOWN = Prefetch("votes", Vote.objects.select_related("person", "seat", "undone").order_by("pk"))
NAMES_MOST = 200  # offered while writing; any other name can be written too


class Directory:
    """Resolve names of one workspace, each one once.

    Members are read when they are first asked for: keep a directory no longer than one
    request of a page, and make a fresh one inside the transaction of a decision.
    """

    def __init__(self, workspace_id: UUID) -> None:
        self.workspace_id = workspace_id
        self._known: dict[str, frozenset[Person]] = {}
        self._users: dict[Person, User] = {}
        self._covers: list[Cover] | None = None

    def people(self, names: Iterable[str]) -> frozenset[Person]:
        """Give the active members that the names stand for; an unknown name stands for nobody."""
        wanted = set(names)
        self._load(wanted - self._known.keys())
        return frozenset[Person]().union(*(self._known[name] for name in wanted))

    def users(self, ids: Iterable[Person]) -> list[User]:
        """Give people by their ids, in the order of these."""
        wanted = sorted(set(ids))
        missing = [one for one in wanted if one not in self._users]
        self._users.update(User.objects.in_bulk(missing) if missing else {})
        return [self._users[one] for one in wanted if one in self._users]

    def covers(self) -> list[Cover]:
        """Give who answers in whose place now."""
        if self._covers is None:
            found = covers_now().filter(workspace_id=self.workspace_id)
            self._covers = list(found.select_related("delegate"))
        return self._covers

    def _load(self, names: set[str]) -> None:
        found: dict[str, set[Person]] = {name: set() for name in names}
        for kind, field in (("user", "user__username"), ("group", "groups__name")):
            part = [name.partition(":")[2] for name in names if name.startswith(f"{kind}:")]
            rows = self._members().filter(**{f"{field}__in": part}) if part else None
            for value, person in rows.values_list(field, "user_id") if rows is not None else ():
                found[f"{kind}:{value}"].add(person)
        for name in (name for name in names if name.startswith("role:")):
            role = name.partition(":")[2]
            members = self._members().filter(roles__contains=[role])
            found[name].update(members.values_list("user_id", flat=True))
        self._known.update({name: frozenset(people) for name, people in found.items()})

    def _members(self) -> QuerySet[Member]:
        return Member.objects.filter(
            workspace_id=self.workspace_id, is_active=True, user__is_active=True
        )


def covers_now() -> QuerySet[Cover]:
    """Give the covers in force."""
    clock = DatabaseClock()
    return Cover.objects.filter(starts_at__lte=clock, ends_at__gt=clock, ended_at__isnull=True)


def names_of(user: User, *, workspace_id: UUID) -> frozenset[str]:
    """Give every name under which a person can be asked in a workspace."""
    member = (
        Member.objects.filter(user=user, workspace_id=workspace_id, is_active=True)
        .prefetch_related("groups")
        .first()
    )
    if member is None or not user.is_active:
        return frozenset()
    names = {f"user:{user.username}"}
    names.update(f"group:{group.name}" for group in member.groups.all())
    names.update(f"role:{role}" for role in member.roles)
    return frozenset(names)


def user_names(ids: Iterable[Person]) -> dict[Person, str]:
    """Give usernames by id."""
    return dict(User.objects.filter(pk__in=set(ids)).values_list("pk", "username"))


def names_to_ask(request: ApprovalRequest) -> list[str]:
    """Give whom a seat may be handed to: members who are active, then groups, by name."""
    members = Member.objects.filter(
        workspace_id=request.workspace_id, is_active=True, user__is_active=True
    )
    users = members.exclude(user_id__in=request.requesters if request.mode == "live" else ())
    names = users.order_by("user__username").values_list("user__username", flat=True)
    groups = Group.objects.filter(workspace_id=request.workspace_id).order_by("name")
    found = [f"user:{name}" for name in names[:NAMES_MOST]]
    return found + [f"group:{name}" for name in groups.values_list("name", flat=True)[:NAMES_MOST]]


def gate_of(request: ApprovalRequest, directory: Directory | None = None) -> Gate:
    """Give what decides who may answer, with groups as they are now."""
    known = directory or Directory(request.workspace_id)
    delegations: dict[Person, frozenset[Person]] = {}
    for delegation in request.delegations.all():
        people = known.people([delegation.to])
        before = delegations.get(delegation.seat_id, frozenset())
        delegations[delegation.seat_id] = before | people
    assigned = known.people(request.assignees)
    for cover in known.covers():
        if cover.seat_id in assigned and cover.covers(
            workflow_id=request.workflow_id, risk=request.risk
        ):
            stand_in = known.people([f"user:{cover.delegate.username}"])
            before = delegations.get(cover.seat_id, frozenset())
            delegations[cover.seat_id] = before | stand_in
    return Gate(
        need=need_of(request),
        risk=request.risk,
        is_rehearsal=request.mode == "rehearsal",
        assigned=assigned,
        present=known.people(request.present),
        requesters=frozenset(request.requesters),
        starter=request.starter,
        delegations=delegations,
    )


def need_of(request: ApprovalRequest) -> Need:
    """Give the request's quorum as a number or `all`."""
    return "all" if request.need == "all" else int(request.need)


def votes_undone(request: ApprovalRequest) -> int:
    """Give how many votes of the present round were taken back."""
    here = [vote for vote in request.votes.all() if vote.round == request.round]
    return sum(hasattr(vote, "undone") for vote in here)


def votes_counted(request: ApprovalRequest) -> list[Vote]:
    """Give the votes of the present round that nobody took back, oldest first."""
    return [
        vote
        for vote in sorted(request.votes.all(), key=lambda vote: vote.pk)
        if vote.round == request.round and not hasattr(vote, "undone")
    ]
