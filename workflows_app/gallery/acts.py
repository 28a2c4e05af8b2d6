"""Do a sample act once for each idempotency key."""

import hashlib
from typing import Any, TypedDict

from workflows_app.gallery.models import SampleEffect


class Ended(TypedDict):
    """Something that was taken back or closed."""

    id: str
    state: str


def act_once(*, tool: str, key: str, arguments: dict[str, Any], result: dict[str, Any]) -> Any:
    """Record the act and give its result; a repeat gives the first one's result."""
    row, _ = SampleEffect.objects.get_or_create(
        key=key, tool=tool, defaults={"arguments": arguments, "result": result}
    )
    return row.result


def number_from(prefix: str, key: str) -> str:
    """Give an identifier such as `RF-9C01B2D4`, the same for the same key."""
    return f"{prefix}-{hashlib.sha256(key.encode()).hexdigest()[:8].upper()}"


def acts(tool: str, **arguments: Any) -> list[SampleEffect]:
    """Give the recorded acts of a tool with these arguments, oldest first."""
    found = SampleEffect.objects.filter(tool=tool, arguments__contains=arguments)
    return list(found.order_by("pk"))
