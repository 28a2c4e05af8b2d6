"""Finding tools: those of the workspace first, then the functions in code."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F

from workflows_app.agents.core.breakers import breaker_rule
from workflows_app.agents.core.tool_spec import ANY_OBJECT, ToolSpec
from workflows_app.agents.models import ToolVersion
from workflows_app.agents.tools import python_tool, python_tools
from workflows_app.core.durations import duration_parse
from workflows_app.core.states import Effect

JSON = Any


IN_CODE = "code:"


class ToolUnknown(Exception):
    """No tool has that name here."""


def tool_lookup(
    *, workspace_id: UUID, name: str, pins: Mapping[str, JSON] | None = None
) -> ToolSpec:
    """Give a tool as a run knows it: in the version that the run's own version pinned.

    Raises:
        ToolUnknown: there is none of that name.
    """
    pinned = str((pins or {}).get(name) or "")
    if pinned.startswith(IN_CODE):
        return _in_code(name)
    rows = ToolVersion.objects.filter(tool__workspace_id=workspace_id, tool__name=name)
    wanted = {"pk": pinned} if pinned else {"number": F("tool__number")}
    row = rows.filter(**wanted).select_related("tool__server").first()
    if row is not None:
        return tool_spec(row)
    if pinned:
        raise ToolUnknown(f"the version of {name} that this run began with is gone")
    return _in_code(name)


def _in_code(name: str) -> ToolSpec:
    found = python_tool(name)
    if found is None:
        raise ToolUnknown(f"there is no tool named {name}")
    return found.spec


def tool_pin(spec: ToolSpec) -> str:
    """Give what a version keeps of a tool: a row's id, or that it is a function in code."""
    return spec.id or f"{IN_CODE}{spec.version}"


def tool_spec(row: ToolVersion) -> ToolSpec:
    """Give what a stored version says."""
    spec: JSON = row.spec
    tool = row.tool
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
        breaker=breaker_rule(spec.get("breaker")),
    )


def _waits_for_admin(row: ToolVersion) -> bool:
    return row.tool.source == "mcp" and row.number > row.tool.accepted


def _request(row: ToolVersion) -> Mapping[str, JSON]:
    if row.tool.source == "mcp" and row.tool.server is not None:
        server = row.tool.server
        return {"method": "MCP", "url": server.url, "headers": server.headers}
    spec: JSON = row.spec
    return {name: spec.get(name) for name in ("method", "url", "headers")}


def tool_specs(*, workspace_id: UUID) -> dict[str, ToolSpec]:
    """Give every tool of a workspace by name, in its newest version.

    A tool of the workspace stands before a function of the same name.
    """
    stored = (
        ToolVersion.objects.filter(tool__workspace_id=workspace_id, number=F("tool__number"))
        .select_related("tool__server")
        .order_by("tool__name")
    )
    specs = {name: found.spec for name, found in python_tools().items()}
    specs |= {row.tool.name: tool_spec(row) for row in stored}
    return dict(sorted(specs.items()))
