"""Circuit breakers: a tool or model that keeps failing is left alone for a while.

They are rows that all runs of a workspace share, changed in short transactions of their own.
What worked a moment ago is called without a look: another process's failures are seen within
`TRUSTED` seconds, this one's at once.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from workflows_app.agents.connections import connection_as_before
from workflows_app.agents.core.breakers import BreakerRule, breaker_state, counts
from workflows_app.agents.models import Breaker
from workflows_app.agents.services.breakers import breaker_fail, breaker_reset
from workflows_app.core.kinds import StepError
from workflows_app.core.states import WaitReason

DEFAULT = BreakerRule()
PROBE_FOR = timedelta(minutes=2)  # a probe that never comes back holds the next one up this long
TRUSTED = 0.5  # seconds that a closed breaker without failures is taken for closed
TRUSTED_NAMES = 10_000
_trusted: dict[tuple[UUID, str], float] = {}
_SAYS_NOTHING = frozenset({"cancelled", "breaker_open"})  # of whether it works
PROBE_AGAIN = timedelta(seconds=1)  # how soon to look whether a probe of someone else went well


@contextmanager
def spared(workspace_id: UUID, name: str, rule: BreakerRule = DEFAULT) -> Iterator[None]:
    """Call `name` unless its breaker is open, and count how that went.

    Raises:
        StepError: `breaker_open`; nothing was tried, and the step waits where no error edge
            takes it.
    """
    known = admit(workspace_id, name, rule)
    try:
        yield
    except StepError as error:
        if error.wait is not None:
            raise
        _trusted.pop((workspace_id, name), None)
        if counts(error.code):
            breaker_fail(workspace_id=workspace_id, name=name, rule=rule)
        elif known is not None and error.code != "cancelled":
            breaker_reset(workspace_id=workspace_id, name=name)  # it answered
        raise
    if known is not None and known.failures:
        breaker_reset(workspace_id=workspace_id, name=name)


def admit(workspace_id: UUID, name: str, rule: BreakerRule = DEFAULT) -> Breaker | None:
    """Give the breaker as it stands, None where it is trusted.

    Raises:
        StepError: `breaker_open`, as above.
    """
    known = _look(workspace_id, name)
    if known is not None and known.opened_at is not None:
        _pass(known, known.now, rule)  # type: ignore[attr-defined] # annotated by `_look`
    return known


def outcome_count(workspace_id: UUID, name: str, code: str | None) -> None:
    """Count how something ended that was let through before, by whichever process.

    Args:
        code: of its error; None where it went well.
    """
    if code is not None and counts(code):
        _trusted.pop((workspace_id, name), None)
        breaker_fail(workspace_id=workspace_id, name=name, rule=DEFAULT)
    elif code not in _SAYS_NOTHING and _trusted.get((workspace_id, name), 0.0) < time.monotonic():
        breaker_reset(workspace_id=workspace_id, name=name)


def _look(workspace_id: UUID, name: str) -> Breaker | None:
    """Read the breaker, unless it was closed a moment ago; None where it never counted.

    The connection that this takes is not kept: the call that follows may be a long one.
    """
    if _trusted.get((workspace_id, name), 0.0) > time.monotonic():
        return None
    with connection_as_before():
        known = Breaker.objects.filter(workspace=workspace_id, name=name)
        found = known.annotate(now=Now()).first()
    if found is None or (found.opened_at is None and not found.failures):
        if len(_trusted) >= TRUSTED_NAMES:
            _trusted.clear()
        _trusted[workspace_id, name] = time.monotonic() + TRUSTED
    return found


def _pass(known: Breaker, now: datetime, rule: BreakerRule) -> None:
    """Let one probe through once the time is over."""
    opened_at = known.opened_at
    if breaker_state(opened_at, rule.open_for, now) == "open":
        raise _open(known.name, opened_at + rule.open_for - now)  # type: ignore[operator]
    with transaction.atomic():
        is_probe = (
            Breaker.objects.filter(pk=known.pk, opened_at=opened_at)
            .filter(Q(probing_until=None) | Q(probing_until__lt=Now()))
            .update(probing_until=now + PROBE_FOR)
        )
    if not is_probe:
        raise _open(known.name, PROBE_AGAIN)


def _open(name: str, left: timedelta) -> StepError:
    what, _, label = name.partition(":")
    return StepError(
        "breaker_open",
        f"the {what} {label} failed too often in a row and is left alone for a while",
        retry_after=max(left, timedelta(milliseconds=50)),
        details={"breaker": name},
        wait=WaitReason.BREAKER,
    )
