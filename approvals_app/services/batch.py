"""Several answers in one call, each with its own record and its own outcome."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from approvals_app.models import ApprovalRequest
from approvals_app.services.decide import approval_decide
from workflows_app.errors import DomainError
from workflows_app.selectors.people import Actor

JSON = Any
LIMIT = 25


def approvals_decide(
    *,
    items: Iterable[Mapping[str, JSON]],
    actor: Actor,
    via: str,
    problem: Callable[[DomainError], JSON],
) -> list[dict[str, JSON]]:
    """Answer each request on its own; give `[{id, status, problem?}]` in the same order.

    Args:
        items: each with `approval_id` and the arguments of `approval_decide`.
        problem: turns an error into a problem document.
    """
    return [_one(item, actor, via, problem) for item in items]


def _one(
    item: Mapping[str, JSON], actor: Actor, via: str, problem: Callable[[DomainError], JSON]
) -> dict[str, JSON]:
    found: dict[str, JSON] = {"id": str(item["approval_id"]), "status": 200}
    try:
        decided: ApprovalRequest = approval_decide(actor=actor, via=via, **item)
    except DomainError as error:
        return {**found, "status": error.status, "problem": problem(error)}
    return {**found, "state": decided.state}
