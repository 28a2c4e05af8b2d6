"""Calling a tool of an MCP server: only as an admin has accepted it."""

from typing import Any

from django.db import transaction

from workflows_app.agents.connections import connection_release
from workflows_app.agents.core.schemas import schema_problem
from workflows_app.agents.core.tool_spec import ToolSpec
from workflows_app.agents.credentials import SecretMissing
from workflows_app.agents.mcp import McpFailed, McpTool, mcp_call
from workflows_app.agents.models import ToolVersion
from workflows_app.agents.network import Patience
from workflows_app.agents.redaction import redact
from workflows_app.agents.sealing import SealBroken
from workflows_app.agents.services.mcp_servers import server_address, tools_keep
from workflows_app.agents.services.tools import mcp_spec
from workflows_app.core.canonical import digest
from workflows_app.core.kinds import Call, StepError

JSON = Any


def mcp_invoke(call: Call, spec: ToolSpec, arguments: JSON) -> JSON:
    """Call a tool, if its server describes it as when it was pinned, or as it was accepted since.

    Raises:
        StepError: it changed or is gone, it failed, or its outcome is unknown.
    """
    version = ToolVersion.objects.select_related("tool__server__workspace").get(pk=spec.id)
    server = version.tool.server
    if server is None:
        raise StepError("tool_gone", f"the server of {spec.name} is not known any more")
    accepted = version.tool.versions.filter(number=version.tool.accepted).first() or version
    kept: JSON = version.spec
    spec_now: JSON = accepted.spec
    offered: list[McpTool] = []

    def check(listed: list[McpTool]) -> None:
        offered[:] = listed
        now = next((one for one in listed if one.name == kept["mcp"]), None)
        found = None if now is None else digest(mcp_spec(now))
        if found is None or found not in (version.digest, accepted.digest):
            message = "its server describes it differently now: an admin must accept it"
            raise McpFailed("tool_changed", message)
        if found == accepted.digest and (wrong := schema_problem(arguments, spec_now["input"])):
            raise McpFailed("input_invalid", f"it does not take these arguments any more: {wrong}")

    try:
        address = server_address(server, seconds=0.0)
        address.patience = Patience(deadline=call.deadline, is_cancelled=call.is_cancelled)
        connection_release()
        return mcp_call(address, kept["mcp"], arguments, key=call.key, check=check)
    except McpFailed as error:
        if error.code == "tool_changed":
            with transaction.atomic():
                tools_keep(server, offered, actor="engine")
        raise _failed(spec, error) from None
    except (SecretMissing, SealBroken) as error:
        raise StepError("secret_missing", f"{spec.name}: {error}") from None


def _failed(spec: ToolSpec, error: McpFailed) -> StepError:
    return StepError(
        error.code,
        redact(f"{spec.name}: {error.message}"),
        retryable=error.is_passing,
        outcome_unknown=error.is_passing and error.was_sent and not spec.is_repeatable,
    )
