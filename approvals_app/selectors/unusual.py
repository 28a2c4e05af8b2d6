"""What is odd about a request: said on its page, and a reason to read it by itself.

Facts are found once for each request and stored with it; what the scheduler has not come to
yet is found when a page asks. The queries are bounded by gates, never by requests.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from approvals_app.core import shown
from approvals_app.core.gates import basis, basis_changes, entity_of
from approvals_app.core.unusual import MOST, RECENT, Change, Fact, History, Proposal, values_of
from approvals_app.core.unusual import unusual as unusual_find
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import user_names
from workflows_app.models import WorkflowVersion

JSON = Any
LET_THROUGH = ("approved", "taken_over")
DECIDED = (*LET_THROUGH, "rejected")
LOOKED_AT = 200  # approved requests of a gate, the newest
LOOKED_AT_ENTITIES = 2_000  # of all entities that are asked about together
NEEDED = (
    "number",
    "action",
    "starter",
    "entity",
    "links",
    "recommendation",
    "alternatives",
    "impact",
    "confidence",
)
GIVEN = ("links", "recommendation", "alternatives", "impact")
type Key = tuple[UUID, str, str]  # workflow, gate, mode


def warnings_of(request: ApprovalRequest) -> list[dict[str, JSON]]:
    """Give what is unusual about a request, the most surprising first."""
    return facts_of([request])[request.pk]


def facts_of(requests: Iterable[ApprovalRequest]) -> dict[UUID, list[dict[str, JSON]]]:
    """Give `[{code, text, requests, versions}]` by request: as stored, else found now."""
    rows = list(requests)
    found = {row.pk: row.unusual for row in rows if row.unusual is not None}
    found.update(facts_find([row for row in rows if row.unusual is None]))
    return found


def facts_find(requests: Sequence[ApprovalRequest]) -> dict[UUID, list[dict[str, JSON]]]:
    """Find what is unusual about requests, gate by gate."""
    groups: dict[Key, list[ApprovalRequest]] = defaultdict(list)
    for request in requests:
        groups[request.workflow_id, request.gate, request.mode].append(request)
    found: dict[UUID, list[dict[str, JSON]]] = {}
    for key, rows in groups.items():
        found.update(_of_gate(key, rows))
    return found


def _of_gate(key: Key, rows: Sequence[ApprovalRequest]) -> dict[UUID, list[dict[str, JSON]]]:
    approved = ApprovalRequest.objects.filter(
        workflow_id=key[0], gate=key[1], mode=key[2], state__in=LET_THROUGH
    ).order_by("-number")
    newest = list(approved.only(*NEEDED)[:LOOKED_AT])
    entities = {row.entity for row in rows} - {""}
    about = approved.filter(entity__in=entities).only(*NEEDED) if entities else None
    by_entity: dict[str, list[ApprovalRequest]] = defaultdict(list)
    for row in about[:LOOKED_AT_ENTITIES] if about is not None else ():
        by_entity[row.entity].append(row)
    names = user_names({row.starter for row in [*newest, *rows] if row.starter is not None})
    gate = [_proposal(row, names) for row in newest]
    seen = values_of(gate)
    changes = {version: _change(version, key) for version in {row.version_id for row in rows}}
    found = {}
    for row in rows:
        word = entity_of((row.action or {}).get("arguments"))
        history = History(
            gate=gate,
            entity=[_proposal(one, names) for one in by_entity.get(row.entity, ())],
            entity_word=word[0] if word else "",
            entity_argument=word[1] if word else "",
            change=changes[row.version_id],
            seen=seen,
        )
        facts = [*_of_itself(row), *unusual_find(_proposal(row, names), history)]
        heaviest = sorted(facts, key=lambda fact: -fact.weight)
        found[row.pk] = [fact.as_json() for fact in heaviest[:MOST]]
    return found


def _proposal(row: ApprovalRequest, names: dict[int, str]) -> Proposal:
    given = {name for name in GIVEN if getattr(row, name)}
    if row.confidence is not None:
        given.add("confidence")
    who = "an event or a schedule" if row.starter is None else names.get(row.starter, "somebody")
    return Proposal(
        number=row.number,
        arguments=(row.action or {}).get("arguments"),
        requester=who,
        entity=row.entity,
        given=frozenset(given),
    )


def _change(version_id: UUID, key: Key) -> Change | None:
    """Give what changed in the newest versions, while few were decided since."""
    version = WorkflowVersion.objects.get(pk=version_id)
    if version.number is None:
        return None
    before = (
        WorkflowVersion.objects.filter(workflow_id=key[0], number__lt=version.number)
        .order_by("-number")
        .first()
    )
    if before is None or before.number is None:
        return None
    what = basis_changes(
        basis(before.definition, before.pins, key[1]),
        basis(version.definition, version.pins, key[1]),
    )
    if not what:
        return None
    since = ApprovalRequest.objects.filter(
        workflow_id=key[0], gate=key[1], mode=key[2], state__in=DECIDED, version_id=version_id
    )[:RECENT]
    return Change(
        what=tuple(what), version=version.number, before=before.number, decided_since=since.count()
    )


def _of_itself(request: ApprovalRequest) -> list[Fact]:
    """Give what is odd about a request without any other."""
    found = []
    arguments = (request.action or {}).get("arguments")
    hidden = sum(part.is_hidden for field in shown.rows(arguments) for part in field.parts)
    if hidden:
        what = "One character in it" if hidden == 1 else f"{hidden} characters in it"
        text = f"{what} cannot be seen; the fields name it where it stands."
        found.append(Fact(code="hidden_characters", text=text, weight=200))
    if request.previous_id:
        text = "It was asked before, and what would run has changed since."
        found.append(Fact(code="asked_before", text=text, weight=150))
    return found
