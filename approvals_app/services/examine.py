"""Store with each new request what is unusual about it, a moment after it was made.

Finding it takes queries over the gate's history, which have no place in the engine's
transaction that opens the request.
"""

from datetime import datetime

from django.db import transaction

from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.unusual import facts_find

AT_ONCE = 500


@transaction.atomic
def facts_sweep(now: datetime) -> int:
    """Examine requests that nobody has examined; give how many."""
    waiting = ApprovalRequest.objects.filter(
        state=ApprovalState.PENDING.value, unusual__isnull=True
    ).order_by("number")
    rows = list(waiting.select_for_update(skip_locked=True, no_key=True)[:AT_ONCE])
    found = facts_find(rows)
    for row in rows:
        row.unusual = found[row.pk]
    ApprovalRequest.objects.bulk_update(rows, ["unusual"], batch_size=AT_ONCE)
    return len(rows)
