"""The kind `tool`: one call of one tool."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.core.tool_spec import ToolSpec
from workflows_app.agents.invoke import tool_invoke
from workflows_app.agents.selectors.tools import IN_CODE, ToolUnknown, tool_lookup
from workflows_app.agents.tools import python_tool
from workflows_app.core.definition.markers import ExpressionText, Fixed
from workflows_app.core.kinds import ActionParts, Call, Done, Kind, StepError
from workflows_app.core.states import Effect

JSON = Any


class ToolSettings(BaseModel):
    """Call a tool."""

    model_config = ConfigDict(extra="forbid")

    tool: Fixed = Field(description="The tool's name.")
    arguments: dict[str, Any] | ExpressionText = Field(
        default_factory=dict, description="Its arguments; each may be an expression."
    )


def spec_of(call: Call) -> ToolSpec:
    """Give the tool that a step calls, in the version that its run keeps.

    Raises:
        StepError: there is no such tool.
    """
    try:
        return tool_lookup(
            workspace_id=call.workspace_id,
            name=call.settings["tool"],
            pins=call.pins.get("tools"),
        )
    except ToolUnknown as error:
        raise StepError("unknown_tool", str(error)) from None


def _may_repeat(call: Call) -> bool | None:
    """Give what a step itself says of repeats; None leaves it to the tool."""
    if call.spec.get("idempotent") is not None:
        return bool(call.spec["idempotent"])
    return True if call.spec.get("effect") == Effect.NONE.value else None


class ToolKind(Kind):
    """Checks the arguments, calls, checks the result; the effect is the tool's own."""

    name = "tool"
    primitive = "call"
    settings = ToolSettings
    label = "Tool"
    group = "Work"
    summary = "Calls a tool with checked arguments; what it may change is the tool's own effect."

    def effect(self, settings: Any) -> Effect:
        """Give a Python tool's effect; for one of the workspace, `effect_of` knows."""
        found = python_tool(str(settings.get("tool")))
        return found.effect if found else Effect.IRREVERSIBLE

    def is_idempotent(self, settings: Any) -> bool:
        found = python_tool(str(settings.get("tool")))
        return found.spec.is_repeatable if found else False

    def effect_of(self, call: Call) -> tuple[Effect, bool]:
        try:
            spec = spec_of(call)
        except StepError:
            return Effect.NONE, True  # `run` says so; nothing can happen
        return spec.effect, spec.is_repeatable

    def stays_inside(self, settings: Any, pins: Any) -> bool:
        """A function in code that has no effect; the version says that it means this one."""
        name = str(settings.get("tool"))
        found = python_tool(name)
        pinned = str((pins.get("tools") or {}).get(name) or "")
        return pinned.startswith(IN_CODE) and found is not None and found.effect is Effect.NONE

    def undo(self, call: Call) -> dict[str, JSON] | None:
        try:
            undo = spec_of(call).undo
        except StepError:
            return None
        return dict(undo) if undo else None

    def action(self, call: Call) -> ActionParts:
        arguments = call.settings.get("arguments") or {}
        try:
            spec = spec_of(call)
        except StepError:
            return ActionParts(kind=self.name, arguments=arguments, tool=call.settings["tool"])
        return ActionParts(
            kind=self.name,
            arguments=arguments,
            tool=spec.name,
            tool_version=spec.version,
            schema=spec.schema_digest,
            target=spec.target,
            credentials=spec.credentials,
        )

    def run(self, call: Call) -> Done:
        spec = replace(spec_of(call), says_step=_may_repeat(call))
        invoked = tool_invoke(call, spec, call.settings.get("arguments"))
        return Done(output=invoked.output, details=invoked.details)

    def arguments_schema(self, *, workspace_id: UUID, settings: Any, pins: Any) -> JSON:
        """Give the JSON Schema that edited arguments must meet."""
        spec = self._spec(workspace_id, settings, pins)
        return dict(spec.input) if spec else None

    def output_schema(self, *, workspace_id: UUID, settings: Any, pins: Any) -> JSON:
        """Give the JSON Schema of the result, for whoever does the step by hand."""
        spec = self._spec(workspace_id, settings, pins)
        return dict(spec.output) if spec and spec.output else None

    def _spec(self, workspace_id: UUID, settings: Any, pins: Any) -> ToolSpec | None:
        name = str(settings.get("tool"))
        try:
            return tool_lookup(workspace_id=workspace_id, name=name, pins=pins.get("tools"))
        except ToolUnknown:
            return None
