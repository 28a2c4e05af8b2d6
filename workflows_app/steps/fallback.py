"""The kind `fallback`: a first choice, then backups in their order."""

from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.definition.markers import StepSpec
from workflows_app.core.kinds import Call, Done, Kind, StepError
from workflows_app.steps.inner import as_group, edge, failure_edges, steps_of
from workflows_app.steps.settings import Settings

_TAKE = "_take"


class FallbackSettings(Settings):
    """The options, the preferred one first."""

    options: Annotated[
        list[Annotated[dict[str, Any], StepSpec(sees_earlier=True)]],
        Field(min_length=1, max_length=50),
    ]


class FallbackKind(Kind):
    """Try one option after the other; the result names the one that answered."""

    name = "fallback"
    settings = FallbackSettings
    label = "Fallback"
    summary = "Tries one step, and where it fails the next; the result names its source."

    def expand(self, step: dict[str, Any]) -> dict[str, Any]:
        """Chain the options by their failures, then take the one that succeeded."""
        options = steps_of(step["with"].get("options"), "option")
        edges = [edge(option["id"], _TAKE) for option in options]
        for option, following in pairwise(options):
            edges += failure_edges(option, following["id"])
        take = {"id": _TAKE, "kind": TakeKind.name, "with": {}}
        body = {
            "steps": [*options, take],
            "edges": edges,
            "output": f"=steps.{_TAKE}.output",
        }
        return as_group(step, body)


class TakeSettings(Settings):
    """Nothing to set."""


class TakeKind(Kind):
    """Give the one branch that was taken, with its name; only expansions use it."""

    name = "take"
    primitive = "pure"
    reads_sources = True
    is_hidden = True
    settings = TakeSettings
    label = "Take"
    summary = "Names the branch that answered."

    def run(self, call: Call) -> Done:
        """Give `{source, output}`.

        Raises:
            StepError: `all_failed`: no branch was taken.
        """
        for name, source in call.sources.items():
            if source.taken:
                return Done(output={"source": name, "output": source.output})
        raise StepError("all_failed", "no option succeeded")
