"""What the settings of all kinds share."""

from typing import Any

from pydantic import BaseModel, ConfigDict

JSON = Any


class Settings(BaseModel):
    """Settings of a kind: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def body_of(settings: Any) -> dict[str, JSON]:
    """Give the one body of a container by its key; nothing while it is not drawn yet."""
    body = settings.get("body")
    return {"": body} if isinstance(body, dict) else {}


def outcomes_of(body: Any) -> tuple[str, ...]:
    """Give the outcomes that the `end` steps of a body name: they are the container's ports."""
    steps = body.get("steps") if isinstance(body, dict) else None
    named: dict[str, None] = {}
    for step in steps if isinstance(steps, list) else ():
        settings = step.get("with") if isinstance(step, dict) else None
        if isinstance(settings, dict) and step.get("kind") == "end":
            outcome = settings.get("outcome")
            if isinstance(outcome, str) and outcome not in ("done", "error"):
                named[outcome] = None
    return tuple(named)
