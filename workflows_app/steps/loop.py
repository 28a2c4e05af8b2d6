"""The kind `loop`: a body again and again, bounded always."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from workflows_app.core.definition.markers import BodySpec, Condition, ExpressionText
from workflows_app.core.kinds import Kind
from workflows_app.steps.settings import Settings, body_of, outcomes_of

ITERATION_VARIABLES = ("iteration", "previous")
_EACH = ("item", "index")


class LoopSettings(Settings):
    """The body, when it is over, and how often it runs at most."""

    body: Annotated[dict[str, Any], BodySpec(more=(*ITERATION_VARIABLES, *_EACH))]
    while_: Annotated[str, Condition(more=ITERATION_VARIABLES)] | None = Field(
        None, alias="while", description="CEL, tested before each iteration"
    )
    until: Annotated[str, Condition(more=("output", *ITERATION_VARIABLES))] | None = Field(
        None, description="CEL, tested after each iteration"
    )
    items: Any = Field(None, description="a list: one iteration for each item")
    limit: Annotated[int, Field(ge=1, le=100_000)] | ExpressionText = Field(
        description="iterations at most"
    )

    @model_validator(mode="after")
    def _is_one_of_three(self) -> "LoopSettings":
        named = [self.while_, self.until, self.items]
        if sum(value is not None for value in named) > 1:
            raise ValueError("a loop has one of `while`, `until` and `items`")
        return self


class LoopKind(Kind):
    """Repeat a body while or until something holds, or for each item."""

    name = "loop"
    primitive = "loop"
    settings = LoopSettings
    label = "Loop"
    group = "Flow"
    summary = "Repeats its steps while or until a condition holds, or for each item, bounded."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `exhausted` and the outcomes of the body."""
        return tuple(dict.fromkeys(("exhausted", *outcomes_of(settings.get("body")))))

    def bodies(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give the body of an iteration."""
        return body_of(settings)
