"""The kind `group`: a body as one step."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition.markers import BodyDocument
from workflows_app.core.kinds import Kind
from workflows_app.steps.settings import Settings, body_of, outcomes_of


class GroupSettings(Settings):
    """The steps inside."""

    body: BodyDocument


class GroupKind(Kind):
    """Run a body; its outcomes are the ports."""

    name = "group"
    primitive = "group"
    settings = GroupSettings
    label = "Group"
    group = "Flow"
    summary = "Holds steps that end, fail and are cancelled together."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the outcomes of the body."""
        return outcomes_of(settings.get("body"))

    def bodies(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give the one body."""
        return body_of(settings)
