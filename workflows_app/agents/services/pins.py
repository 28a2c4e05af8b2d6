"""What a version keeps of the world around it: tool versions and model ids."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows_app.agents.core.model_specs import model_roles
from workflows_app.agents.selectors.tools import tool_pin, tool_specs
from workflows_app.models import Workspace

JSON = Any


def pins_collect(workspace: Workspace, expanded: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give `{"tools": {name: version id}, "models": {role: model id}}` for a version.

    Only what the expanded definition names. A function in code is pinned as such, so that a
    tool of the same name that the workspace gets later does not take its place.
    """
    named = set(_strings(expanded))
    specs = tool_specs(workspace_id=workspace.pk)
    roles = model_roles(workspace.settings)
    return {
        "tools": {name: tool_pin(specs[name]) for name in sorted(named & set(specs))},
        "models": {role: roles[role].id for role in sorted(named & set(roles))},
    }


def _strings(value: JSON) -> Iterator[str]:
    """Give every text that may be a tool's name or a model's role."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
