"""Lines of the queue: each is drawn once for what it shows, however many pages show it.

Fifty lines are most of what the inbox draws, and most of them are what they were a moment ago,
on this page and on those of two hundred others. A line holds nothing but what is in its key.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django import template
from django.template.loader import get_template
from django.utils.safestring import SafeString

from approvals_app.core.shown import Part

register = template.Library()
KEPT = 5_000  # lines


class Line(NamedTuple):
    """All that a line shows of a request."""

    number: int
    state: str
    reference: str
    summary: tuple[Part, ...]
    workflow: str
    path: str
    risk: str
    confidence: float | None
    left: str
    is_hot: bool
    is_veiled: bool
    tag: tuple[str, str] | None
    claim: str | None
    state_word: str
    decided_by: str
    address: str
    is_open: bool
    is_selectable: bool


@register.simple_tag
def queue_line(
    line: dict[str, Any], address: str, *, is_open: bool, selectable: set[int]
) -> SafeString:
    """Draw one line; `address` is that of the queue, to which the request is added."""
    one = line["request"]
    shown = Line(
        number=one.number,
        state=one.state,
        reference=one.reference,
        summary=line["summary"],
        workflow=one.workflow.name,
        path=one.path,
        risk=one.risk,
        confidence=one.confidence,
        left=line["left"],
        is_hot=line["is_hot"],
        is_veiled=line["is_veiled"],
        tag=line["tag"],
        claim=line.get("claim"),
        state_word=one.state_word,
        decided_by=one.decided_by.username if one.decided_by else "",
        address=address,
        is_open=is_open,
        is_selectable=one.number in selectable,
    )
    if line.get("is_gone"):  # says how long ago
        return _drawn(shown, one.closed_at)
    return _known(shown)


@lru_cache(maxsize=KEPT)
def _known(line: Line) -> SafeString:
    return _drawn(line, None)


def _drawn(line: Line, closed_at: datetime | None) -> SafeString:
    context = {"line": line, "closed_at": closed_at}
    return get_template("approvals/_line.html").render(context)  # type: ignore[return-value]
