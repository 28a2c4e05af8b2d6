"""How long to wait before a failed attempt is made again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workflows_app.core.durations import duration_parse

DEFAULT_INITIAL = timedelta(seconds=1)
DEFAULT_MAXIMUM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`attempts` counts the first try; `factor` is a ratio of at least 1."""

    attempts: int
    initial: timedelta = DEFAULT_INITIAL
    factor: float = 2.0
    maximum: timedelta = DEFAULT_MAXIMUM
    jitter: bool = True


SAFE = RetryPolicy(attempts=3)
ONCE = RetryPolicy(attempts=1)


def retry_policy(spec: Mapping[str, Any] | None, *, is_idempotent: bool) -> RetryPolicy:
    """Give the policy of a step: its own `retry`, else 3 attempts where repeating is safe.

    Source: the definition format, `retry`.
    """
    if spec is None:
        return SAFE if is_idempotent else ONCE
    return RetryPolicy(
        attempts=int(spec.get("attempts", SAFE.attempts)),
        initial=duration_parse(spec["initial"]) if "initial" in spec else DEFAULT_INITIAL,
        factor=float(spec.get("factor", 2.0)),
        maximum=duration_parse(spec["maximum"]) if "maximum" in spec else DEFAULT_MAXIMUM,
        jitter=bool(spec.get("jitter", True)),
    )


def retry_delay(
    policy: RetryPolicy, *, attempt: int, fraction: float, retry_after: timedelta | None = None
) -> timedelta | None:
    """Give the wait after the attempt that just failed (from 1), or None to give up.

    The wait is min(initial * factor ** (attempt - 1), maximum); with jitter, `fraction`
    (0 to 1) of its upper half. What the other side asked for is never undercut.

    Raises:
        ValueError: attempt is below 1.
    """
    if attempt < 1:
        raise ValueError("attempts count from 1")
    if attempt >= policy.attempts:
        return None
    seconds = policy.maximum.total_seconds()
    # The exponent is bounded first: 2.0 ** 2000 overflows, and the cap applies long before.
    if (attempt - 1) * max(policy.factor - 1.0, 0.0) < 1_000:
        seconds = min(policy.initial.total_seconds() * policy.factor ** (attempt - 1), seconds)
    if policy.jitter:
        seconds *= 0.5 + 0.5 * fraction
    wait = timedelta(seconds=seconds)
    return max(wait, retry_after) if retry_after else wait
