"""Requests that look alike: answered together, each with a record of its own."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals_app.core import lookalike
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.queue import lines, queue_query
from approvals_app.selectors.unusual import NEEDED, facts_of
from approvals_app.selectors.viewer import Looker
from workflows_app.errors import NotFound
from workflows_app.models import StepRun

JSON = Any
SCANNED = 1_000  # pending requests among which the members of a batch are looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Requests that are alike: one step of one version, low risk, nothing unusual.

    Args:
        left_out: those that stand out, each with the reason.
        beyond: how many more there are than one batch holds.
    """

    key: str
    requests: Sequence[ApprovalRequest]
    left_out: Sequence[tuple[ApprovalRequest, str]]
    beyond: int = 0

    @property
    def first(self) -> ApprovalRequest:
        """Give the one that is due first."""
        return self.requests[0]


def batches_of(requests: Sequence[ApprovalRequest]) -> list[Batch]:
    """Gather pending requests that `user` may answer into batches, in the order given."""
    groups: dict[str, list[ApprovalRequest]] = defaultdict(list)
    plain = _whole([request for request in requests if _is_plain(request)])
    facts = facts_of(plain)
    alike = [request for request in plain if not facts[request.pk]]
    final = set(
        StepRun.objects.filter(
            pk__in=[request.step_run_id for request in alike], effect="irreversible"
        ).values_list("pk", flat=True)
    )
    for request in alike:
        if request.step_run_id not in final:
            groups[key_of(request)].append(request)
    made = [_batch(key, found) for key, found in groups.items() if len(found) >= lookalike.LEAST]
    return [batch for batch in made if len(batch.requests) >= lookalike.LEAST]


def _whole(requests: Sequence[ApprovalRequest]) -> list[ApprovalRequest]:
    """Read what would run, of which a line shows nothing, and what else facts are found by."""
    short = [one for one in requests if "action" in one.get_deferred_fields()]
    names = NEEDED if any(one.unusual is None for one in short) else ("action",)
    fields = ApprovalRequest.objects.filter(pk__in=[one.pk for one in short])
    known = {row["pk"]: row for row in fields.values("pk", *names)} if short else {}
    for one in short:
        for name, value in known.get(one.pk, {}).items():
            setattr(one, name, value)
    return list(requests)


def key_of(request: ApprovalRequest) -> str:
    """Give what a request has in common with its look-alikes."""
    action = request.action or {}
    return lookalike.batch_key(
        request.version_id,
        request.gate,
        request.reason,
        request.mode,
        action.get("kind"),
        action.get("tool"),
    )


def _is_plain(request: ApprovalRequest) -> bool:
    is_low = request.risk == "low" and request.reason == "approval" and not _has_form(request)
    is_single = request.need == "1" and "approve" in request.decisions
    return is_low and is_single and not request.is_blind


def _has_form(request: ApprovalRequest) -> bool:
    known = getattr(request, "has_form", None)
    return request.form is not None if known is None else known


def _batch(key: str, requests: Sequence[ApprovalRequest]) -> Batch:
    odd = lookalike.outliers([arguments_of(request) for request in requests])
    rest = [request for i, request in enumerate(requests) if i not in odd]
    return Batch(
        key=key,
        requests=rest[: lookalike.MOST],
        left_out=[(requests[i], why) for i, why in sorted(odd.items())],
        beyond=max(0, len(rest) - lookalike.MOST),
    )


def arguments_of(request: ApprovalRequest) -> JSON:
    """Give what would run."""
    return (request.action or {}).get("arguments")


def batch_get(*, user: Looker, key: str, now: datetime) -> Batch:
    """Give one batch of what `user` may answer.

    Raises:
        NotFound: fewer than three such requests wait.
    """
    rows = lines(queue_query(user=user, view="mine", now=now, risk="low"))[:SCANNED]
    found = next((batch for batch in batches_of(list(rows)) if batch.key == key), None)
    if found is None:
        raise NotFound("There is no such batch any more: too few of these requests wait.")
    return found
