"""The kind `end`: ends its scope at once, by an outcome."""

from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.definition.markers import Literal as LiteralMark
from workflows_app.core.definition.models import PORT_PATTERN
from workflows_app.core.kinds import Call, Done, Kind
from workflows_app.steps.settings import Settings


class EndSettings(Settings):
    """How the scope ends, and with what."""

    outcome: Annotated[str, Field(pattern=PORT_PATTERN), LiteralMark()] = "done"
    value: Any = None


class EndKind(Kind):
    """End the scope; the outcome is a port of its container, `error` fails it."""

    name = "end"
    primitive = "pure"
    settings = EndSettings
    label = "End"
    group = "Flow"
    summary = "Ends the workflow or the body that it is in, by an outcome, and stops the rest."

    def run(self, call: Call) -> Done:
        """Give the value; the engine ends the scope by the outcome."""
        outcome = call.settings.get("outcome") or "done"
        return Done(output=call.settings.get("value"), port=outcome)
