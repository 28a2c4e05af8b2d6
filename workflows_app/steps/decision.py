"""The kind `decision`: ordered conditions, each a way onward."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from workflows_app.core.definition.markers import ConditionText, Fixed
from workflows_app.core.definition.markers import Literal as LiteralMark
from workflows_app.core.expressions.problems import ExpressionError
from workflows_app.core.graph import PORT_JOINT
from workflows_app.core.kinds import Call, Done, Kind, StepError
from workflows_app.steps.settings import Settings


class Branch(Settings):
    """A port, and the condition under which it is taken."""

    port: Fixed
    when: ConditionText


class DecisionSettings(Settings):
    """Conditions in their order."""

    branches: list[Branch] = Field(min_length=1, max_length=200)
    mode: Annotated[Literal["first", "all"], LiteralMark()] = "first"


class DecisionKind(Kind):
    """Take the first branch whose condition holds, or all of them; else `default`."""

    name = "decision"
    primitive = "pure"
    settings = DecisionSettings
    label = "Decision"
    group = "Flow"
    summary = "Takes the first way whose condition is true, or all of them, or the default."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give each branch's port, and `default`."""
        branches = settings.get("branches")
        named = [
            branch["port"]
            for branch in (branches if isinstance(branches, list) else ())
            if isinstance(branch, dict) and isinstance(branch.get("port"), str)
        ]
        return tuple(dict.fromkeys([*named, "default"]))

    def run(self, call: Call) -> Done:
        """Evaluate the conditions in order.

        Raises:
            StepError: a condition gave no answer.
        """
        takes_all = call.settings.get("mode") == "all"
        ports: list[str] = []
        evaluated: list[dict[str, Any]] = []
        for branch in call.settings["branches"]:
            held = _holds(call, branch)
            evaluated.append({"port": branch["port"], "when": branch["when"], "result": held})
            if held and branch["port"] not in ports:
                ports.append(branch["port"])
            if held and not takes_all:
                break
        ports = ports or ["default"]
        output = {"ports": ports, "evaluated": evaluated}
        return Done(output=output, port=PORT_JOINT.join(ports))


def _holds(call: Call, branch: Mapping[str, Any]) -> bool:
    try:
        return bool(call.evaluate(branch["when"]))
    except ExpressionError as error:
        raise StepError(error.code, f"{branch['when']}: {error.message}") from error
