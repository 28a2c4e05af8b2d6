"""Tell people by mail that they were asked; one message for each request and person."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from uuid import UUID

from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse

from approvals_app.core.quiet import send_at
from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, Notice
from approvals_app.selectors.clock import DatabaseClock
from approvals_app.selectors.people import SHOWN, Directory
from approvals_app.selectors.tell import base_address, people_to_tell, plain_text
from approvals_app.services import record
from approvals_app.services.mail_links import NEEDS_SIGN_IN, link_make
from workflows_app.models import User

logger = logging.getLogger(__name__)
AT_ONCE = 50
IN_ONE_MAIL = 20
TRIES = 8
FIRST_PAUSE = timedelta(seconds=30)


def messages_sweep(now: datetime) -> int:
    """Note whom to tell of new and escalated requests, then send what is due; give how many."""
    noted = notices_make()
    sent = 0
    while sent < AT_ONCE and _send_one():
        sent += 1
    return noted + sent


@transaction.atomic
def notices_make() -> int:
    """Note who is to be told of requests that are new, escalated or delegated."""
    requests = list(
        ApprovalRequest.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(state=ApprovalState.PENDING.value, is_told=False)
        .order_by("number")
        .prefetch_related(SHOWN, "delegations")[:AT_ONCE]
    )
    now = record.database_now()
    directories: dict[UUID, Directory] = {}
    for request in requests:
        directory = directories.setdefault(request.workspace_id, Directory(request.workspace_id))
        people = people_to_tell(request, directory, "mail") if request.mode == "live" else []
        Notice.objects.bulk_create(
            [
                Notice(request=request, person=person, send_at=_send_at(person, request, now))
                for person in people
                if person.email
            ],
            ignore_conflicts=True,
        )
    ApprovalRequest.objects.filter(pk__in=[one.pk for one in requests]).update(is_told=True)
    return len(requests)


def _send_at(person: User, request: ApprovalRequest, now: datetime) -> datetime:
    return send_at(person.preferences, now=now, deadline=request.deadline_at)


@transaction.atomic
def _send_one() -> bool:
    """Send one person what is due, together in one message; tell whether there was anything."""
    due = Notice.objects.filter(sent_at__isnull=True, send_at__lte=DatabaseClock())
    first = due.select_for_update(skip_locked=True).order_by("send_at").first()
    if first is None:
        return False
    notices = list(
        due.select_for_update(skip_locked=True, of=("self",))
        .filter(person=first.person_id)
        .select_related("request")
        .order_by("request__next_due_at")[:IN_ONE_MAIL]
    )
    now = record.database_now()
    numbers = [notice.pk for notice in notices]
    wanted = [one.request for one in notices if one.request.state == ApprovalState.PENDING.value]
    try:
        if wanted:
            with transaction.atomic():
                _mail(User.objects.get(pk=first.person_id), wanted)
    except (OSError, SMTPException):
        logger.warning("a message about %s requests could not be sent", len(wanted), exc_info=True)
        tries = first.tries + 1
        later = now + FIRST_PAUSE * 2**tries
        gave_up = now if tries >= TRIES else None
        Notice.objects.filter(pk__in=numbers).update(tries=tries, send_at=later, sent_at=gave_up)
        return True
    Notice.objects.filter(pk__in=numbers).update(sent_at=now)
    return True


def _mail(person: User, requests: list[ApprovalRequest]) -> None:
    first = plain_text(requests[0].summary)
    subject = first if len(requests) == 1 else f"{len(requests)} approvals wait for you"
    body = "\n\n".join(_paragraph(person, request) for request in requests)
    footer = "Nothing is approved by waiting. Opening a link decides nothing."
    send_mail(subject[:150], f"{body}\n\n{footer}\n", None, [person.email])


def _paragraph(person: User, request: ApprovalRequest) -> str:
    page = reverse("approvals:detail", args=[request.number])
    if request.risk not in NEEDS_SIGN_IN:
        page = reverse("approvals:mail", args=[link_make(request, person)])
    due = request.deadline_at.strftime("%Y-%m-%d %H:%M UTC")
    lines = (
        f"{request.reference}: {plain_text(request.summary)}",
        f"{request.risk.capitalize()} risk, to be answered by {due}.",
        f"{base_address()}{page}",
    )
    return "\n".join(lines)
