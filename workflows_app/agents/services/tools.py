"""Changing a workspace's tools: each change makes a version, and leaves a record."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from workflows_app.agents.core.breakers import breaker_rule
from workflows_app.agents.core.schemas import schema_is_sound
from workflows_app.agents.core.tool_spec import LONGEST_NAME, TOOL_NAME
from workflows_app.agents.egress import EgressRefused, url_check
from workflows_app.agents.mcp import McpTool
from workflows_app.agents.models import Tool, ToolVersion
from workflows_app.core.canonical import digest
from workflows_app.core.durations import duration_parse
from workflows_app.core.states import Effect
from workflows_app.errors import Conflict, Invalid
from workflows_app.models import AppEvent, User, Workspace

JSON = Any
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def tool_put(
    *,
    workspace: Workspace,
    name: str,
    spec: dict[str, JSON],
    actor: str,
    user: User | None = None,
) -> tuple[ToolVersion, bool]:
    """Create or replace an HTTP tool; give its version and whether the tool is new.

    The same spec again gives the version that there is. Runs keep the version they began with.
    A function in code of the same name steps back for versions that are published from then on.

    Args:
        spec: {description, method, url, headers, input, output, effect, idempotent, timeout,
            undo, breaker}; what is left out has its default.

    Raises:
        Invalid: the spec breaks a rule; `problems` says which.
        Conflict: a server's tool has that name.
    """
    complete = {**_DEFAULTS, **{key: value for key, value in spec.items() if value is not None}}
    complete["method"] = str(complete["method"]).upper()
    problems = [*_name_problems(name), *_spec_problems(complete)]
    if problems:
        raise Invalid(f"The tool {name} cannot be kept like this.", problems=problems)
    return version_put(
        workspace=workspace, name=name, spec=complete, actor=actor, user=user, source="http"
    )


@transaction.atomic
def version_put(
    *,
    workspace: Workspace,
    name: str,
    spec: dict[str, JSON],
    actor: str,
    user: User | None = None,
    source: str,
    server: Any = None,
) -> tuple[ToolVersion, bool]:
    """Store a tool's spec as its newest version, unless it is that already."""
    tool, is_new = Tool.objects.select_for_update(of=("self",)).get_or_create(
        workspace=workspace, name=name, defaults={"source": source, "server": server}
    )
    if tool.source != source or tool.server != server:
        raise Conflict(f"{name} comes from somewhere else.", code="name_taken")
    current = tool.versions.filter(number=tool.number).first()
    hashed = digest(spec)
    kept: JSON = spec
    told: JSON = {"version": tool.number + 1, "digest": hashed, "effect": spec["effect"]}
    if current is not None and current.digest == hashed:
        return current, False
    version = ToolVersion.objects.create(
        tool=tool, number=tool.number + 1, spec=kept, digest=hashed, created_by=user
    )
    tool.number = version.number
    tool.save(update_fields=["number"])
    AppEvent.objects.create(
        workspace=workspace,
        type="tool.created" if is_new else "tool.changed",
        object=f"tool:{name}",
        actor=actor,
        data=told,
    )
    return version, is_new


_DEFAULTS: dict[str, JSON] = {
    "description": "",
    "method": "POST",
    "url": "",
    "headers": {},
    "input": {"type": "object"},
    "output": None,
    "effect": Effect.IRREVERSIBLE.value,
    "idempotent": False,
    "timeout": None,
    "undo": None,
    "breaker": None,
}


def mcp_spec(tool: McpTool) -> dict[str, JSON]:
    """Give the spec of a server's tool; what the server does not declare changes for good.

    Raises:
        Invalid: a schema is none.
    """
    spec: dict[str, JSON] = {
        **_DEFAULTS,
        "description": tool.description[:5000],
        "input": dict(tool.input),
        "output": dict(tool.output) if tool.output else None,
        "effect": (Effect.NONE if tool.only_reads else Effect.IRREVERSIBLE).value,
        "idempotent": tool.is_idempotent,
        "mcp": tool.name,
    }
    if problems := _schema_problems(spec):
        raise Invalid(f"The tool {tool.name} cannot be kept.", problems=problems)
    return spec


def _problem(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}


def _name_problems(name: str) -> list[dict[str, str]]:
    if TOOL_NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return []
    return [_problem("/name", "bad_name", "letters, digits, _ and -, parted by dots")]


def _spec_problems(spec: dict[str, JSON]) -> list[dict[str, str]]:
    problems = []
    if spec["method"] not in METHODS:
        problems.append(_problem("/method", "bad_method", f"one of {', '.join(METHODS)}"))
    problems += url_problems(str(spec["url"]))
    problems += header_problems(spec["headers"])
    problems += _schema_problems(spec)
    if spec["effect"] not in [effect.value for effect in Effect]:
        problems.append(_problem("/effect", "bad_effect", "none, reversible or irreversible"))
    if spec["breaker"] is not None:
        problems += _breaker_problems(spec["breaker"])
    if spec["timeout"] is not None:
        try:
            duration_parse(spec["timeout"])
        except ValueError as error:
            problems.append(_problem("/timeout", "bad_duration", str(error)))
    return problems


def _breaker_problems(rule: dict[str, JSON]) -> list[dict[str, str]]:
    try:
        breaker_rule(rule)
    except ValueError as error:
        return [_problem("/breaker", "bad_breaker", str(error))]
    return []


def url_problems(url: str) -> list[dict[str, str]]:
    """Say why nothing can be sent to this address, if so."""
    try:
        url_check(url)
    except EgressRefused as error:
        return [_problem("/url", "bad_url", str(error))]
    return []


def header_problems(headers: Mapping[str, JSON]) -> list[dict[str, str]]:
    """Say which of these headers cannot be sent."""
    return [
        _problem("/headers", "bad_header", f"{name[:50]!r} is no header that can be sent")
        for name, value in headers.items()
        if not (
            isinstance(value, str)
            and name.isascii()
            and name.replace("-", "").replace("_", "").isalnum()
            and value.isascii()
            and value.isprintable()
            and name.lower() not in ("host", "content-length", "transfer-encoding", "connection")
        )
    ]


def _schema_problems(spec: dict[str, JSON]) -> list[dict[str, str]]:
    problems = []
    for part in ("input", "output"):
        if spec[part] is not None and (wrong := schema_is_sound(spec[part])):
            problems.append(_problem(f"/{part}", "bad_schema", wrong))
    if not problems and spec["input"].get("type", "object") != "object":
        problems.append(_problem("/input/type", "bad_schema", "arguments are an object"))
    return problems
