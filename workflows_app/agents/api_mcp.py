"""Servers of tools: MCP over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Router, Status
from pydantic import Field

from workflows_app.agents.api import ToolName, ToolOut, tool_shape
from workflows_app.agents.models import McpServer
from workflows_app.agents.selectors.tools import tool_spec
from workflows_app.agents.services.mcp_servers import mcp_server_put, tool_accept
from workflows_app.api.auth import needs, principal
from workflows_app.api.people import admin_workspace
from workflows_app.api.schemas import Schema

router = Router(tags=["tools"])
ServerName = Annotated[str, Field(min_length=1, max_length=50)]


class McpServerIn(Schema):
    """Where the server is; a header may hold `{{secret:NAME}}`."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    headers: dict[str, str] = {}


class McpServerOut(Schema):
    name: str
    url: str
    headers: dict[str, str]
    tools: list[str]
    error: str
    listed_at: datetime | None


def _shown(server: McpServer) -> dict[str, Any]:
    offered = server.tools.filter(is_enabled=True).order_by("name")
    return {
        "name": server.name,
        "url": server.url,
        "headers": dict(server.headers or {}),
        "tools": list(offered.values_list("name", flat=True)),
        "error": server.error,
        "listed_at": server.listed_at,
    }


@router.put(
    "mcp-servers/{name}", auth=needs("admin"), response={200: McpServerOut, 201: McpServerOut}
)
def mcp_server(
    request: HttpRequest,
    name: Path[ServerName],
    payload: McpServerIn,
    workspace: str | None = None,
) -> Status[Any]:
    """Create or replace an MCP server and take its tools over, as `SERVER.TOOL`.

    `error` says why they could not be listed. A tool that changed since is disabled until it is
    accepted.
    """
    who = principal(request)
    server, is_new = mcp_server_put(
        workspace=admin_workspace(who, workspace),
        name=name,
        url=payload.url,
        headers=payload.headers,
        actor=who.actor,
        user=who.user,
    )
    return Status(201 if is_new else 200, _shown(server))


@router.post("tools/{name}/accept", auth=needs("admin"), response=ToolOut)
def tool_accepted(
    request: HttpRequest, name: Path[ToolName], workspace: str | None = None
) -> dict[str, Any]:
    """Accept a tool of an MCP server whose description or schema changed."""
    who = principal(request)
    space = admin_workspace(who, workspace)
    return tool_shape(tool_spec(tool_accept(workspace=space, name=name, actor=who.actor)))
