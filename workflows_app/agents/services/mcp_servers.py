"""Taking over the tools of MCP servers, and accepting what became of them."""

import re
import time
from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from workflows_app.agents.core.tool_spec import LONGEST_NAME, TOOL_NAME
from workflows_app.agents.credentials import SecretMissing, headers_resolve
from workflows_app.agents.mcp import McpAddress, McpFailed, McpTool, mcp_tools
from workflows_app.agents.models import McpServer, Tool, ToolVersion
from workflows_app.agents.network import Patience
from workflows_app.agents.redaction import redact
from workflows_app.agents.sealing import SealBroken
from workflows_app.agents.services.tools import header_problems, mcp_spec, url_problems, version_put
from workflows_app.errors import Conflict, Invalid, NotFound
from workflows_app.models import AppEvent, User, Workspace

PATIENCE = 20.0  # seconds for listing the tools of a server
SERVER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")


def mcp_server_put(
    *,
    workspace: Workspace,
    name: str,
    url: str,
    headers: dict[str, str],
    actor: str,
    user: User | None = None,
) -> tuple[McpServer, bool]:
    """Create or replace a server and take its tools over; give it and whether it is new.

    Its tools are named `SERVER.TOOL`. New ones may be used at once, for an admin asked for them;
    one whose description or schema changed waits until an admin accepts it. A server that
    cannot be reached is kept, with the reason in `error`.

    Raises:
        Invalid: the name, the address or a header cannot be.
    """
    problems = [*url_problems(url), *header_problems(headers)]
    if not SERVER_NAME.fullmatch(name):
        message = "letters, digits, _ and -, at most 50"
        problems.append({"pointer": "/name", "code": "bad_name", "message": message})
    if problems:
        raise Invalid(f"The server {name} cannot be kept like this.", problems=problems)
    with transaction.atomic():
        server, is_new = McpServer.objects.select_for_update().get_or_create(
            workspace=workspace, name=name
        )
        server.url, server.headers = url, headers
        server.save(update_fields=["url", "headers"])
        McpServer.objects.filter(pk=server.pk).update(changed_at=Now())
        AppEvent.objects.create(
            workspace=workspace,
            type="mcp_server.created" if is_new else "mcp_server.changed",
            object=f"mcp-server:{name}",
            actor=actor,
            data={"url": url, "headers": sorted(headers)},
        )
    tools_take(server, actor=actor, user=user)
    server.refresh_from_db()
    return server, is_new


def tools_take(server: McpServer, *, actor: str, user: User | None = None) -> None:
    """Ask a server for its tools, with no connection to the database held, and keep them."""
    try:
        listed = mcp_tools(server_address(server, seconds=PATIENCE))
    except (McpFailed, SecretMissing, SealBroken) as error:
        McpServer.objects.filter(pk=server.pk).update(error=redact(str(error))[:1000])
        return
    left_out = tools_keep(server, listed, actor=actor, user=user)
    problem = f"left out: {', '.join(left_out)}" if left_out else ""
    McpServer.objects.filter(pk=server.pk).update(error=problem[:1000], listed_at=Now())


def server_address(server: McpServer, *, seconds: float) -> McpAddress:
    """Give where a server is, with the secrets of its headers in place."""
    headers, credentials = headers_resolve(
        workspace_id=server.workspace_id, headers=dict(server.headers or {})
    )
    patience = Patience(deadline=time.monotonic() + seconds)
    return McpAddress(url=server.url, headers=headers, credentials=credentials, patience=patience)


@transaction.atomic
def tools_keep(
    server: McpServer, listed: Sequence[McpTool], *, actor: str, user: User | None = None
) -> list[str]:
    """Store what a server offers now; give the names of tools that cannot be taken over.

    What it offers no more is disabled. A changed tool is a version that nobody accepted yet.
    """
    names, left_out = set(), []
    for one in listed:
        name = f"{server.name}.{re.sub(r'[^A-Za-z0-9_.-]', '_', one.name)}"
        if not TOOL_NAME.fullmatch(name) or len(name) > LONGEST_NAME or name in names:
            left_out.append(one.name)
            continue
        try:
            spec = mcp_spec(one)
            version, is_new = version_put(
                workspace=server.workspace,
                name=name,
                spec=spec,
                actor=actor,
                user=user,
                source="mcp",
                server=server,
            )
        except (Invalid, Conflict):
            left_out.append(one.name)
            continue
        names.add(name)
        if is_new:
            Tool.objects.filter(pk=version.tool_id).update(accepted=version.number)
    offered = Tool.objects.filter(server=server)
    offered.filter(name__in=names).update(is_enabled=True)
    offered.exclude(name__in=names).update(is_enabled=False)
    return left_out


@transaction.atomic
def tool_accept(*, workspace: Workspace, name: str, actor: str) -> ToolVersion:
    """Accept a tool of a server as it is described now; a repeat changes nothing.

    Raises:
        NotFound: no such tool is kept.
        Conflict: it is no tool of a server, so there is nothing to accept.
    """
    tool = Tool.objects.select_for_update(of=("self",)).filter(workspace=workspace, name=name)
    found = tool.select_related("server").first()
    if found is None:
        raise NotFound("There is no such tool.")
    if found.source != "mcp":
        message = f"{name} comes from no MCP server: it is accepted as it is."
        raise Conflict(message, code="illegal_state", allowed=[])
    if found.accepted != found.number:
        found.accepted = found.number
        found.save(update_fields=["accepted"])
        AppEvent.objects.create(
            workspace=workspace,
            type="tool.accepted",
            object=f"tool:{name}",
            actor=actor,
            data={"version": found.number},
        )
    return ToolVersion.objects.select_related("tool__server").get(tool=found, number=found.number)
