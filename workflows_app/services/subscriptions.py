"""Subscriptions: addresses outside that are told of events."""

import re
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models.functions import Now

from workflows_app.errors import Invalid, NotFound
from workflows_app.models import WebhookSubscription, Workspace
from workflows_app.services.history import app_event_record
from workflows_app.services.hook_secrets import secret_new, secret_seal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@transaction.atomic
def subscription_put(
    *, workspace: Workspace, name: str, event: str, url: str, actor: str
) -> tuple[WebhookSubscription, str | None]:
    """Create or change a subscription; its secret is given once, when it is new.

    Whether the address may be reached at all, the guarded client says at each delivery.

    Raises:
        Invalid: a bad name or address.
    """
    problems = []
    if not NAME.fullmatch(name):
        problems.append(_problem("/name", "bad_name", "up to 100 letters, digits, _ . and -"))
    if not _is_address(url):
        problems.append(_problem("/url", "bad_url", "http:// or https:// with a host, no password"))
    if problems:
        raise Invalid("The subscription cannot be kept.", problems=problems)
    held = WebhookSubscription.objects.select_for_update().filter(workspace=workspace, name=name)
    found, secret = held.first(), None
    if found is None:
        secret = secret_new()
        found = WebhookSubscription(
            workspace=workspace, name=name, event=event, url=url, secret=secret_seal(secret)
        )
        found.save(force_insert=True)
    else:
        held.update(event=event, url=url, is_active=True, updated_at=Now())
        found.refresh_from_db()
    app_event_record(
        workspace=workspace,
        type="subscription.set",
        object=f"subscription:{name}",
        actor=actor,
        data={"event": event, "url": url},
    )
    return found, secret


@transaction.atomic
def subscription_stop(*, workspace: Workspace, name: str, actor: str) -> None:
    """Send an address nothing more, until it is set again; a second time changes nothing.

    Raises:
        NotFound: there is no such subscription.
    """
    held = WebhookSubscription.objects.select_for_update().filter(workspace=workspace, name=name)
    found = held.first()
    if found is None:
        raise NotFound(f"There is no subscription {name}.")
    if not found.is_active:
        return
    held.update(is_active=False, updated_at=Now())
    app_event_record(
        workspace=workspace,
        type="subscription.stopped",
        object=f"subscription:{name}",
        actor=actor,
        data={"event": found.event, "url": found.url},
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and not parts.username and not parts.password and url.isprintable()


def _problem(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
