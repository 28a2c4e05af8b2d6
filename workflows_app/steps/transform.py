"""The kind `transform`: a value from values."""

from typing import Any

from workflows_app.core.kinds import Call, Done, Kind
from workflows_app.steps.settings import Settings


class TransformSettings(Settings):
    """What to give: JSON with expressions anywhere in it."""

    value: Any


class TransformKind(Kind):
    """Compute a value."""

    name = "transform"
    primitive = "pure"
    settings = TransformSettings
    label = "Transform"
    summary = "Gives a value computed from what came before."

    def run(self, call: Call) -> Done:
        """Give the value, which the engine has evaluated."""
        return Done(output=call.settings.get("value"))
