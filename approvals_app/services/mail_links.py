"""Links that lead from a mail to an answer: signed, kept hashed, for one answer only."""

import hashlib
import secrets
from dataclasses import dataclass

from django.core.signing import BadSignature, Signer
from django.db import transaction

from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, MailLink
from approvals_app.services import record
from approvals_app.services.decide import approval_decide
from workflows_app.errors import DomainError, Invalid, NotFound
from workflows_app.models import User

NEEDS_SIGN_IN = frozenset({"high", "critical"})
_SIGNER = Signer(salt="approvals.mail")


def link_make(request: ApprovalRequest, person: User) -> str:
    """Give a new signed word for an address; it dies with the request's deadline."""
    signed = _SIGNER.sign(secrets.token_urlsafe(24))
    MailLink.objects.create(
        request=request,
        person=person,
        token_digest=_digest(signed),
        expires_at=request.deadline_at,
    )
    return signed


def link_get(signed: str) -> MailLink:
    """Give the link of an address, whatever became of it.

    Raises:
        NotFound: nobody here made it.
    """
    try:
        _SIGNER.unsign(signed)
    except BadSignature:
        raise NotFound("There is no such link.") from None
    links = MailLink.objects.select_related("request", "person")
    found = links.filter(token_digest=_digest(signed)).first()
    if found is None:
        raise NotFound("There is no such link.")
    return found


def link_works(link: MailLink) -> bool:
    """Tell whether a link can still answer its request."""
    is_open = link.request.state == ApprovalState.PENDING.value
    return is_open and link.used_at is None and record.database_now() < link.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpent:
    """The link answers nothing any more."""


def link_decide(
    *, signed: str, decision: str, digest: str, reason: str
) -> ApprovalRequest | DomainError | LinkSpent:
    """Answer by a mail's link, as its person; only an incomplete answer leaves it usable.

    A refusal is a value, so that the link's use and the record of the refusal commit.
    """
    link = link_get(signed)
    with transaction.atomic():
        link = MailLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
        if link.request.risk in NEEDS_SIGN_IN or not link_works(link):
            return LinkSpent()
        found: ApprovalRequest | DomainError
        try:
            found = approval_decide(
                approval_id=link.request_id,
                actor=link.person,
                via="mail",
                decision=decision,
                digest=digest,
                reason=reason,
            )
        except Invalid as error:
            return error
        except DomainError as error:
            found = error
        link.used_at = record.database_now()
        link.save(update_fields=["used_at"])
        return found


def _digest(signed: str) -> str:
    return hashlib.sha256(signed.encode()).hexdigest()
