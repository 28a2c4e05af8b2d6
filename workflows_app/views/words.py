"""Numbers and times as people write them; static/js/times.js uses the same words."""

from datetime import datetime, timedelta

from django.utils import timezone

from workflows_app.views.looks import humanise


def relative_words(at: datetime) -> str:
    """Give "4 min ago" or "in 2 h"."""
    seconds = (at - timezone.now()).total_seconds()
    size = abs(seconds)
    if size < 5 and seconds <= 0:
        return "just now"
    unit = next(
        text
        for limit, text in (
            (60, f"{int(size)} s"),
            (3600, f"{int(size // 60)} min"),
            (float("inf"), f"{int(size // 3600)} h"),
        )
        if size < limit
    )
    return f"in {unit}" if seconds > 0 else f"{unit} ago"


def duration(value: timedelta | float | None) -> str:
    """Give a length of time as people say it; a number is milliseconds."""
    if value is None or value == "":
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value) / 1000
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.1 else f"{max(0, round(seconds * 1000))} ms"
    for size, unit, lower, part in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            rest = int(seconds % size // lower)
            return f"{int(seconds // size)} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{seconds:.1f} s"


def money(value: float | None) -> str:
    """Give US dollars with as many digits as tell something."""
    amount = float(value or 0)
    return f"${amount:,.2f}" if amount == 0 or amount >= 0.01 else f"${amount:.4f}"


def compact(value: float | None) -> str:
    """Give a count in four characters or so: 38.2k."""
    count = float(value or 0)
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size:
            return f"{count / size:.1f}{unit}".replace(".0", "")
    return f"{count:g}"


def person(actor: str | None) -> str:
    """Give the name in an actor: `user:mira` is mira, `worker:3` is worker 3."""
    kind, _, name = (actor or "").partition(":")
    if not name:
        return humanise(kind) if kind else ""
    return name if kind in {"user", "service"} else f"{kind} {name}"
