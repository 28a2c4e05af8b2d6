"""Results of calls without effect, kept for steps whose `cache` allows it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workflows_app.core.canonical import digest
from workflows_app.core.durations import duration_parse
from workflows_app.core.kinds import ActionParts
from workflows_app.models import CachedResult

JSON = Any


def cache_digest(parts: ActionParts) -> str:
    """Give the key of a call: its kind, its tool with version, and its arguments."""
    return digest(
        {
            "kind": parts.kind,
            "tool": parts.tool,
            "version": parts.tool_version,
            "arguments": parts.arguments,
        }
    )


def cache_get(*, workspace_id: UUID, key: str, setting: JSON) -> tuple[JSON, str] | None:
    """Give a kept output and where it came from, if it is fresh enough."""
    found = CachedResult.objects.filter(workspace_id=workspace_id, digest=key).first()
    if found is None:
        return None
    limit = setting.get("for") if isinstance(setting, dict) else None
    if limit and datetime.now(UTC) - found.created_at > duration_parse(limit):
        return None
    return found.output, f"{found.run_id}/{found.path}"


def cache_put(*, workspace_id: UUID, key: str, output: JSON, run_id: UUID, path: str) -> None:
    """Keep an output; a newer one takes the place of an older one."""
    CachedResult.objects.update_or_create(
        workspace_id=workspace_id,
        digest=key,
        defaults={
            "output": output,
            "run_id": run_id,
            "path": path,
            "created_at": datetime.now(UTC),
        },
    )
