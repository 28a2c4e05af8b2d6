"""Whom to tell of a request, by which channel, and where it is found."""

from django.conf import settings
from django.urls import reverse

from approvals_app.core import shown
from approvals_app.core.quiet import CHANNELS, wants
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import Directory, gate_of, votes_counted
from workflows_app.models import User


def people_to_tell(request: ApprovalRequest, directory: Directory, channel: str) -> list[User]:
    """Give who was asked last, may answer, has not, and wants to be told by this channel.

    While somebody is away, whoever answers for them is told instead.
    """
    if channel not in channels_of(request):
        return []
    gate = gate_of(request, directory)
    asked: set[int] = set()
    for seat in gate.present:
        standing_in = gate.delegations.get(seat, frozenset()) & gate.voters
        is_away = bool(standing_in) and _is_covered(request, directory, seat)
        asked |= standing_in if is_away else {seat, *standing_in}
    ready = (asked & gate.voters) - {vote.person_id for vote in votes_counted(request)}
    return [person for person in directory.users(ready) if wants(person.preferences, channel)]


def _is_covered(request: ApprovalRequest, directory: Directory, seat: int) -> bool:
    return any(
        cover.seat_id == seat and cover.covers(workflow_id=request.workflow_id, risk=request.risk)
        for cover in directory.covers()
    )


def channels_of(request: ApprovalRequest) -> tuple[str, ...]:
    """Give by which channels the rung that a request has reached is told."""
    if not request.climbed or request.climbed > len(request.ladder):
        return CHANNELS
    channel = request.ladder[request.climbed - 1].get("channel")
    return (channel,) if channel else CHANNELS


def plain_text(text: str) -> str:
    """Give agent text on one line, with what could not be seen named."""
    return " ".join("".join(part.text for part in shown.visible(text)).split())


def page_address(request: ApprovalRequest) -> str:
    """Give the whole address of a request's page."""
    return base_address() + reverse("approvals:detail", args=[request.number])


def base_address() -> str:
    """Give where people reach this installation: `PUBLIC_URL`, else HOST and PORT."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.HOST, settings.HOST)  # noqa: S104
    return f"http://{host}:{settings.PORT}"
