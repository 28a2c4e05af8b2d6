"""Secrets of webhooks: made here, encrypted at rest, shown once, two active while one is replaced.

A sealed value is JSON, newest first: [{"secret", "until"}], `until` null for the one in force.
"""

import base64
import json
import secrets
from datetime import datetime, timedelta

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from workflows_app.sealing import seal, unseal

OVERLAP = timedelta(hours=24)


def secret_new() -> str:
    """Make a secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_seal(secret: str) -> bytes:
    """Give the sealed form of a first secret."""
    return seal(json.dumps([{"secret": secret, "until": None}]))


def secret_rotate(sealed: bytes, secret: str, *, now: datetime) -> bytes:
    """Put a new secret in force; the one before stays good for a day."""
    newest = json.loads(unseal(sealed))[0]["secret"]
    before = {"secret": newest, "until": (now + OVERLAP).isoformat()}
    return seal(json.dumps([{"secret": secret, "until": None}, before]))


def secrets_active(sealed: bytes, *, now: datetime) -> list[str]:
    """Give the secrets that count now, the one in force first."""
    return [
        one["secret"]
        for one in json.loads(unseal(sealed))
        if one["until"] is None or datetime.fromisoformat(one["until"]) > now
    ]


def signature_holds(active: list[str], body: bytes, headers: dict[str, str]) -> bool:
    """Tell whether one of the secrets signed this body, within the last five minutes.

    Every secret is tried, so the time does not tell which one it was.
    """
    return any([_holds(secret, body, headers) for secret in active])  # noqa: C419


def _holds(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def headers_signed(active: list[str], *, message: str, at: datetime, body: str) -> dict[str, str]:
    """Give the headers of a signed message: one signature for each active secret."""
    signatures = [Webhook(secret).sign(message, at, body) for secret in active]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
