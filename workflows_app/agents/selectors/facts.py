"""What a definition is checked against: the tools and models of its workspace."""

from typing import Any

from workflows_app.agents.core.model_specs import model_roles
from workflows_app.agents.selectors.tools import tool_specs
from workflows_app.core.definition import ToolFacts
from workflows_app.models import Workspace


def check_facts(workspace: Workspace) -> dict[str, Any]:
    """Give `{"tools": {name: ToolFacts}, "models": roles}` for the checks of a definition."""
    specs = tool_specs(workspace_id=workspace.pk)
    return {
        "tools": {
            name: ToolFacts(
                input=spec.input,
                output=spec.output,
                effect=spec.effect.value,
                has_undo=spec.undo is not None,
                is_enabled=spec.is_enabled,
            )
            for name, spec in specs.items()
        },
        "models": frozenset(model_roles(workspace.settings)),
    }
