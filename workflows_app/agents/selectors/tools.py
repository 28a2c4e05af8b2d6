"""Finding tools: Python functions first, then those of the workspace."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F

from workflows_app.agents.core.tool_spec import ANY_OBJECT, ToolSpec
from workflows_app.agents.models import Tool, ToolVersion
from workflows_app.agents.tools import python_tool, python_tools
from workflows_app.core.durations import duration_parse
from workflows_app.core.states import Effect

JSON = Any


class ToolUnknown(Exception):
    """No tool has that name here."""


def tool_lookup(
    *, workspace_id: UUID, name: str, pins: Mapping[str, JSON] | None = None
) -> ToolSpec:
    """Give a tool as a run knows it: in the version that the run's own version pinned.

    Raises:
        ToolUnknown: there is none of that name.
    """
    if found := python_tool(name):
        return found.spec
    rows = ToolVersion.objects.filter(tool__workspace_id=workspace_id, tool__name=name)
    pinned = (pins or {}).get(name)
    wanted = {"number": F("tool__number")} if pinned is None else {"pk": pinned}
    row = rows.filter(**wanted).select_related("tool__server").first()
    if row is None:
        raise ToolUnknown(f"there is no tool named {name}")
    return tool_spec(row)


def tool_spec(row: ToolVersion) -> ToolSpec:
    """Give what a stored version says."""
    spec, tool = row.spec, row.tool
    return ToolSpec(
        name=tool.name,
        source=tool.source,
        description=spec.get("description") or "",
        version=str(row.number),
        id=str(row.pk),
        input=spec.get("input") or ANY_OBJECT,
        output=spec.get("output"),
        effect=Effect(spec.get("effect") or Effect.IRREVERSIBLE),
        is_idempotent=bool(spec.get("idempotent")),
        timeout=duration_parse(spec["timeout"]).total_seconds() if spec.get("timeout") else 0.0,
        undo=spec.get("undo"),
        is_enabled=tool.is_enabled and not _waits_for_admin(row),
        request=_request(row),
    )


def _waits_for_admin(row: ToolVersion) -> bool:
    return row.tool.source == "mcp" and row.number > row.tool.accepted


def _request(row: ToolVersion) -> Mapping[str, JSON]:
    if row.tool.source == "mcp" and row.tool.server is not None:
        server = row.tool.server
        return {"method": "MCP", "url": server.url, "headers": server.headers}
    return {name: row.spec.get(name) for name in ("method", "url", "headers")}


def tool_specs(*, workspace_id: UUID) -> dict[str, ToolSpec]:
    """Give every tool of a workspace by name, in its newest version."""
    stored = (
        ToolVersion.objects.filter(tool__workspace_id=workspace_id, number=F("tool__number"))
        .select_related("tool__server")
        .order_by("tool__name")
    )
    specs = {row.tool.name: tool_spec(row) for row in stored}
    specs |= {name: found.spec for name, found in python_tools().items()}
    return dict(sorted(specs.items()))


def tool_find(*, workspace_id: UUID, name: str) -> Tool | None:
    """Give the stored tool of that name, or None."""
    return Tool.objects.filter(workspace_id=workspace_id, name=name).first()
