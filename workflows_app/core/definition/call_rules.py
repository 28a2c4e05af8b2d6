"""Rules about what a step calls: tools, models and workflows that exist, and their inputs."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition.common_rules import common_check
from workflows_app.core.definition.input_rules import inputs_check
from workflows_app.core.definition.problems import CheckContext, Findings, ToolFacts
from workflows_app.core.definition.site import Place, Site

JSON = Any
_LIMITS = frozenset(
    {"budget", "rate", "volume", "change", "tools", "resources", "hosts", "regions", "rule"}
)
_GATES = frozenset({"approval", "checkpoint"})


def calls_check(
    place: Place, site: Site | None, is_limited: bool, context: CheckContext, findings: Findings
) -> None:
    """Check the tools, models and workflows that one step names.

    Args:
        site: its body, or None for a step inside the settings of another.
        is_limited: a guardrail around it bounds what it may do.
    """
    kind = place.spec.get("kind")
    if kind == "tool":
        _tool(place, site, is_limited, context, findings)
    elif kind == "agent":
        _agent_tools(place, context, findings)
    elif kind == "workflow":
        _workflow(place, context, findings)
    _models(place, context, findings)
    undo = place.spec.get("undo")
    if isinstance(undo, Mapping) and isinstance(undo.get("tool"), str):
        _known_tool(undo["tool"], f"{place.pointer}/undo/tool", place, context, findings)
    common_check(place, context, findings)


def is_limit(guardrails: JSON) -> bool:
    """Tell whether any of these guardrails bounds what a step may do."""
    checks = guardrails if isinstance(guardrails, list) else []
    return any(isinstance(check, Mapping) and check.get("check") in _LIMITS for check in checks)


def _known_tool(
    name: str, pointer: str, place: Place, context: CheckContext, findings: Findings
) -> ToolFacts | None:
    if context.tools is None or name.startswith("="):
        return None
    found = context.tools.get(name)
    if found is None:
        message = f"there is no tool {name}" if name else "no tool is chosen"
        findings.add("unknown_tool", message, pointer=pointer, step=place.path)
    elif not found.is_enabled:
        message = f"the tool {name} has changed: an admin must accept it"
        findings.add("disabled_tool", message, pointer=pointer, step=place.path)
    return found


def _tool(
    place: Place, site: Site | None, is_limited: bool, context: CheckContext, findings: Findings
) -> None:
    name = place.settings.get("tool")
    if not isinstance(name, str):
        return
    pointer = f"{place.pointer}/with"
    tool = _known_tool(name, f"{pointer}/tool", place, context, findings)
    if tool is None:
        return
    given = place.settings.get("arguments", {})
    if given or not place.is_handed_input:
        where = f"{pointer}/arguments"
        inputs_check(given, tool.input, findings, pointer=where, step=place.path, what=name)
    effect = place.spec.get("effect") or tool.effect
    is_gated = isinstance(place.spec.get("approval"), Mapping) or _follows_a_gate(place, site)
    limits = is_limited or is_limit(place.spec.get("guardrails"))
    if effect != "none" and not is_gated and not limits:
        findings.add(
            "ungated_effect",
            f"{name} changes something, and neither an approval nor a limit stands before it",
            pointer=place.pointer,
            step=place.path,
            severity="warning",
        )


def _follows_a_gate(place: Place, site: Site | None) -> bool:
    earlier = site.before.get(place.id, frozenset()) if site is not None else frozenset()
    return site is not None and any(
        site.by_id[name].spec.get("kind") in _GATES
        or isinstance(site.by_id[name].spec.get("approval"), Mapping)
        for name in earlier
    )


def _agent_tools(place: Place, context: CheckContext, findings: Findings) -> None:
    tools = place.settings.get("tools")
    for index, entry in enumerate(tools if isinstance(tools, list) else ()):
        name = entry.get("tool") if isinstance(entry, Mapping) else entry
        if not isinstance(name, str):
            continue
        pointer = f"{place.pointer}/with/tools/{index}"
        tool = _known_tool(name, pointer, place, context, findings)
        is_settled = isinstance(entry, Mapping) and entry.get("approval") is not None
        if tool is not None and tool.effect != "none" and not is_settled:
            findings.add(
                "ungated_agent_tool",
                f"the agent may call {name}, which changes something: set its approval, "
                'or say "none"',
                pointer=pointer,
                step=place.path,
            )


def _models(place: Place, context: CheckContext, findings: Findings) -> None:
    if context.models is None or place.kind is None:
        return
    if "model" not in place.kind.settings.model_fields:
        return
    named = [("model", place.settings.get("model"))]
    more = place.settings.get("fallback_models")
    for index, name in enumerate(more if isinstance(more, list) else ()):
        named.append((f"fallback_models/{index}", name))
    for pointer, name in named:
        if isinstance(name, str) and not name.startswith("=") and name not in context.models:
            known = ", ".join(sorted(context.models))
            findings.add(
                "unknown_model",
                f"there is no model called {name}; there are: {known}",
                pointer=f"{place.pointer}/with/{pointer}",
                step=place.path,
            )


def _workflow(place: Place, context: CheckContext, findings: Findings) -> None:
    slug = place.settings.get("slug")
    if context.workflows is None or not isinstance(slug, str) or slug in ("", context.slug):
        return  # that nothing is chosen its shape says
    pointer = f"{place.pointer}/with"
    found = context.workflows.get(slug)
    if found is None:
        message = f"there is no published workflow {slug}"
        findings.add("unknown_workflow", message, pointer=f"{pointer}/slug", step=place.path)
    elif place.settings.get("version") is None:
        given = place.settings.get("input", {})
        where = f"{pointer}/input"
        if given or not place.is_handed_input:
            inputs_check(given, found.input, findings, pointer=where, step=place.path, what=slug)
