"""What is known of a tool, wherever it comes from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from workflows_app.agents.core.breakers import BreakerRule
from workflows_app.core.canonical import digest
from workflows_app.core.states import Effect

JSON = Any
TOOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
LONGEST_NAME = 150
SECRET_MARK = re.compile(r"\{\{\s*secret:\s*([A-Za-z0-9_.-]+)\s*\}\}")
ANY_OBJECT: Mapping[str, JSON] = {"type": "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """One version of one tool.

    Args:
        source: `python`, `http` or `mcp`.
        version: what an approval binds; changes with anything that matters.
        id: of the ToolVersion row; empty for a Python function.
        effect: `irreversible` where the tool declares none.
        timeout: seconds for one attempt; 0 leaves it to the step.
        undo: `{"tool", "arguments"}`, or None.
        breaker: after how many failures in a row it is spared, and for how long.
        says_step: what the step that calls it says of repeats, where it says anything.
        request: how a call becomes a request: `{"method", "url", "headers"}`.
    """

    name: str
    source: str
    description: str
    version: str
    input: Mapping[str, JSON]
    output: Mapping[str, JSON] | None = None
    effect: Effect = Effect.IRREVERSIBLE
    is_idempotent: bool = False
    timeout: float = 0.0
    undo: Mapping[str, JSON] | None = None
    is_enabled: bool = True
    id: str = ""
    request: Mapping[str, JSON] = field(default_factory=dict)
    breaker: BreakerRule = field(default_factory=BreakerRule)
    says_step: bool | None = None

    @property
    def schema_digest(self) -> str:
        """SHA-256 of the input schema."""
        return digest(dict(self.input))

    @property
    def target(self) -> str | None:
        """The host that a call goes to."""
        url = self.request.get("url")
        return urlsplit(url).netloc if url else None

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the secrets that a call needs, in order."""
        return secret_names(self.request.get("headers") or {})

    @property
    def is_repeatable(self) -> bool:
        """Tell whether a call may be repeated with the same key; the step is asked first."""
        if self.says_step is not None:
            return self.says_step
        return self.effect is Effect.NONE or self.is_idempotent


def secret_names(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Give the secrets that headers name, each once, in order."""
    found = (name for value in headers.values() for name in SECRET_MARK.findall(value))
    return tuple(dict.fromkeys(found))


def model_name(tool: str) -> str:
    """Give the name under which a model sees a tool: letters, digits, `_` and `-`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", tool)[:128]


def tool_named(asked: str, tools: list[str]) -> str | None:
    """Give the tool that a model means, or None."""
    if asked in tools:
        return asked
    plain = _plain(asked)
    return next((tool for tool in tools if _plain(tool) == plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
