"""The exact action that an approval binds, and its digest."""

from datetime import datetime
from typing import Any
from uuid import UUID

from workflows_app.core.canonical import digest
from workflows_app.core.kinds import ActionParts


def action_build(
    parts: ActionParts,
    *,
    run_id: UUID,
    path: str,
    generation: int,
    definition_digest: str,
    lapses_at: datetime | None,
) -> dict[str, Any]:
    """Give `{kind, tool, tool_version, schema, arguments, target, credentials, run, path,
    generation, definition, lapses_at}`: all that is hashed, and all that is shown."""
    return {
        "kind": parts.kind,
        "tool": parts.tool,
        "tool_version": parts.tool_version,
        "schema": parts.schema,
        "arguments": parts.arguments,
        "target": parts.target,
        "credentials": list(parts.credentials),
        "run": str(run_id),
        "path": path,
        "generation": generation,
        "definition": definition_digest,
        "lapses_at": lapses_at.isoformat() if lapses_at else None,
    }


def action_digest(action: dict[str, Any]) -> str:
    """Give SHA-256 over the action's RFC 8785 bytes, lower-case hex."""
    return digest(action)
