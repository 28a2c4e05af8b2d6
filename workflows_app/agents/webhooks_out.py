"""Sending webhooks through the guarded client."""

import time
from collections.abc import Mapping

from workflows_app.agents.egress import EgressFailed, EgressRefused, guarded_request
from workflows_app.agents.network import Patience
from workflows_app.event_hooks import Sent

SECONDS = 15.0
MAX_ANSWER = 64_000  # bytes; nobody reads them


def webhook_send(url: str, headers: Mapping[str, str], body: bytes) -> Sent:
    """Send one message and say what came of it."""
    try:
        answer = guarded_request(
            "POST",
            url,
            headers=headers,
            body=body,
            patience=Patience(deadline=time.monotonic() + SECONDS),
            max_bytes=MAX_ANSWER,
        )
    except EgressRefused as error:
        return Sent(status=None, error=str(error))
    except EgressFailed as error:
        return Sent(status=None, error=f"{error.code}: {error.message}")
    return Sent(status=answer.status, error=f"it answered {answer.status}")
