"""Tools and secrets of a workspace."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from pydantic import Field

from workflows_app.agents.core.tool_spec import ToolSpec
from workflows_app.agents.selectors.breakers import NEVER_FAILED, BreakerShown, tool_breakers
from workflows_app.agents.selectors.tools import tool_spec, tool_specs
from workflows_app.agents.services.breakers import breaker_close
from workflows_app.agents.services.secrets import secret_put
from workflows_app.agents.services.tools import tool_put
from workflows_app.api.auth import needs, principal
from workflows_app.api.people import admin_workspace
from workflows_app.api.schemas import Paging, Schema, page_of
from workflows_app.core.durations import duration_text
from workflows_app.selectors.people import workspace_get

JSON = Any
router = Router(tags=["tools"])
ToolName = Annotated[str, Field(min_length=1, max_length=150)]
SecretName = Annotated[str, Field(min_length=1, max_length=100)]


class UndoIn(Schema):
    """The tool that reverses a call; the arguments may name `output`."""

    tool: str
    arguments: dict[str, JSON] = {}


class BreakerIn(Schema):
    """After how many failures in a row the tool is left alone, and for how long."""

    failures: Annotated[int, Field(ge=1, le=1_000)] = 5
    open_for: str = "60s"


class BreakerOut(BreakerIn):
    state: Literal["closed", "open", "half_open"]
    count: int


class ToolIn(Schema):
    """An HTTP tool, whole: what is left out has its default."""

    description: Annotated[str, Field(max_length=5_000)] = ""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    headers: dict[str, str] = {}
    input: dict[str, JSON] = {"type": "object"}
    output: dict[str, JSON] | None = None
    effect: Literal["none", "reversible", "irreversible"] = "irreversible"
    idempotent: bool = False
    timeout: str | None = None
    undo: UndoIn | None = None
    breaker: BreakerIn | None = None


class ToolOut(Schema):
    name: str
    source: Literal["python", "http", "mcp"]
    version: str
    description: str
    method: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}
    input: dict[str, JSON]
    output: JSON = None
    effect: Literal["none", "reversible", "irreversible"]
    idempotent: bool
    timeout: str | None = None
    undo: dict[str, JSON] | None = None
    enabled: bool
    breaker: BreakerOut


class SecretIn(Schema):
    value: Annotated[str, Field(min_length=1, max_length=10_000)]


class SecretOut(Schema):
    name: str


ToolPage = page_of(ToolOut)


def tool_shape(spec: ToolSpec, breaker: BreakerShown = NEVER_FAILED) -> dict[str, Any]:
    """Give a tool as the API shows it."""
    return {
        "name": spec.name,
        "source": spec.source,
        "version": spec.version,
        "description": spec.description,
        "method": spec.request.get("method"),
        "url": spec.request.get("url"),
        "headers": dict(spec.request.get("headers") or {}),
        "input": dict(spec.input),
        "output": spec.output,
        "effect": spec.effect.value,
        "idempotent": spec.is_idempotent,
        "timeout": _timeout(spec),
        "undo": dict(spec.undo) if spec.undo else None,
        "enabled": spec.is_enabled,
        "breaker": {
            "failures": spec.breaker.failures,
            "open_for": duration_text(spec.breaker.open_for),
            "state": breaker.state(spec.breaker),
            "count": breaker.failures,
        },
    }


def _timeout(spec: ToolSpec) -> str | None:
    return duration_text(timedelta(seconds=spec.timeout)) if spec.timeout else None


@router.get("tools", auth=needs("admin", "design"), response=ToolPage)
def tools(
    request: HttpRequest, paging: Query[Paging], workspace: str | None = None
) -> dict[str, Any]:
    """The tools that workflows of a workspace may use, by name."""
    who = principal(request)
    space = workspace_get(name=workspace, actor=who) if workspace else who.home
    specs = tool_specs(workspace_id=space.pk)
    breakers = tool_breakers(workspace_id=space.pk)
    names = [name for name in specs if paging.cursor is None or name > paging.cursor]
    shown = names[: paging.limit]
    return {
        "items": [tool_shape(specs[name], breakers.get(name, NEVER_FAILED)) for name in shown],
        "next": shown[-1] if len(names) > len(shown) else None,
    }


@router.put("tools/{name}", auth=needs("admin"), response={200: ToolOut, 201: ToolOut})
def tool(
    request: HttpRequest, name: Path[ToolName], payload: ToolIn, workspace: str | None = None
) -> Status[Any]:
    """Create or replace an HTTP tool.

    A call sends the arguments as the JSON body (GET: as the query) with `Idempotency-Key`, and
    gives the JSON answer. Runs under way keep the version that they began with.
    """
    who = principal(request)
    version, is_new = tool_put(
        workspace=admin_workspace(who, workspace),
        name=name,
        spec=payload.model_dump(),
        actor=who.actor,
        user=who.user,
    )
    return Status(201 if is_new else 200, tool_shape(tool_spec(version)))


@router.post("tools/{name}/close-breaker", auth=needs("admin"), response={204: None})
def tool_close_breaker(
    request: HttpRequest, name: Path[ToolName], workspace: str | None = None
) -> Status[None]:
    """Call a tool again that is left alone because it failed too often in a row."""
    who = principal(request)
    space = admin_workspace(who, workspace)
    breaker_close(workspace=space, name=f"tool:{name}", actor=who.actor)
    return Status(204, None)


@router.put("secrets/{name}", auth=needs("admin"), response={200: SecretOut, 201: SecretOut})
def secret(
    request: HttpRequest, name: Path[SecretName], payload: SecretIn, workspace: str | None = None
) -> Status[Any]:
    """Set a secret. It can be used in headers as `{{secret:NAME}}`, and never be read again."""
    who = principal(request)
    is_new = secret_put(
        workspace=admin_workspace(who, workspace),
        name=name,
        value=payload.value,
        actor=who.actor,
        user=who.user,
    )
    return Status(201 if is_new else 200, {"name": name})
