"""The kind `merge`: one result from several branches."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import model_validator

from workflows_app.core.definition.markers import Fixed
from workflows_app.core.definition.markers import Literal as LiteralMark
from workflows_app.core.kinds import Call, Done, Kind, Source, StepError
from workflows_app.steps.settings import Settings

BY_MODEL = "merge_by_model"  # the kind that the mode `model` runs as


class MergeSettings(Settings):
    """How the branches become one result."""

    mode: Annotated[Literal["object", "list", "value", "model"], LiteralMark()] = "object"
    value: Any = None
    model: Fixed | None = None
    prompt: str | None = None

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> "MergeSettings":
        if self.mode == "value" and self.value is None:
            raise ValueError("the mode `value` needs a `value`")
        if self.mode == "model" and self.model is None:
            raise ValueError("the mode `model` needs a `model`")
        return self


class MergeKind(Kind):
    """Bring branches together."""

    name = "merge"
    primitive = "pure"
    reads_sources = True
    settings = MergeSettings
    label = "Merge"
    group = "Flow"
    summary = "Makes one result of several branches, as an object, a list, a value or by a model."

    def runs_as(self, settings: Mapping[str, Any]) -> str | None:
        """Give the kind that asks a model, for that mode."""
        return BY_MODEL if settings.get("mode") == "model" else None

    def run(self, call: Call) -> Done:
        """Merge what the branches gave.

        Raises:
            StepError: `all_failed` where none succeeded and one failed, or none was taken.
        """
        outputs = outputs_taken(call.sources)
        match call.settings.get("mode", "object"):
            case "list":
                return Done(output=list(outputs.values()))
            case "value":
                return Done(output=call.settings.get("value"))
            case _:
                return Done(output=outputs)


def outputs_taken(sources: Mapping[str, Source]) -> dict[str, Any]:
    """Give what the branches that were taken gave, by step.

    Raises:
        StepError: `all_failed`.
    """
    if not _any_succeeded(sources):
        raise StepError("all_failed", _failures(sources))
    return {step: source.output for step, source in sources.items() if source.taken}


def _any_succeeded(sources: Any) -> bool:
    """A branch skipped by its own condition is no success, but no failure either."""
    if any(source.taken and source.state == "succeeded" for source in sources.values()):
        return True
    none_failed = not any(source.state in ("failed", "timed_out") for source in sources.values())
    return none_failed and (not sources or any(source.taken for source in sources.values()))


def _failures(sources: Any) -> str:
    named = [
        f"{step}: {(source.error or {}).get('message') or source.state}"
        for step, source in sources.items()
        if (isinstance(source, Source) and not source.taken) or source.state == "failed"
    ]
    return "no branch succeeded: " + "; ".join(named)[:1_000]
