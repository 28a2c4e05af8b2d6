"""Which secrets there are, and what names them; never what they hold."""

from collections.abc import Iterator

from django.db.models import F, QuerySet

from workflows_app.agents.core.tool_spec import SECRET_MARK
from workflows_app.agents.models import McpServer, Secret, ToolVersion
from workflows_app.models import Workspace
from workflows_app.selectors.people import Actor, workspace_ids_of


def secret_list(*, actor: Actor, workspace: Workspace) -> QuerySet[Secret]:
    """Give the secrets of a workspace by name, without their values."""
    found = Secret.objects.filter(workspace=workspace, workspace_id__in=workspace_ids_of(actor))
    return found.defer("value").select_related("set_by").order_by("name")


def secret_uses(*, workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Give `(secret, tool or server)` for each header of a present version that names one."""
    newest = ToolVersion.objects.filter(tool__workspace=workspace, number=F("tool__number"))
    for version in newest.select_related("tool"):
        for name in _named(version.spec.get("headers")):
            yield name, f"tool {version.tool.name}"
    for server in McpServer.objects.filter(workspace=workspace):
        for name in _named(server.headers):
            yield name, f"server {server.name}"


def _named(headers: object) -> Iterator[str]:
    for value in headers.values() if isinstance(headers, dict) else ():
        yield from SECRET_MARK.findall(str(value))
