"""The kind `map`: one body over many items."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from workflows_app.core.definition.markers import (
    BodySpec,
    Condition,
    ExpressionText,
    Fixed,
)
from workflows_app.core.definition.markers import Literal as LiteralMark
from workflows_app.core.kinds import Kind
from workflows_app.steps.settings import Settings, body_of

ITEM_VARIABLES = ("item", "index")
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,6})?%")


def _share(text: str) -> str:
    if not text.startswith("=") and not (_PERCENT.fullmatch(text) and float(text[:-1]) <= 100):
        raise ValueError("write a number of items, or a share such as 10%")
    return text


class More(Settings):
    """Items that come while the map is open: one for each event of a type."""

    event: Fixed
    until: Annotated[str, Condition(more=("event", "output"), or_duration=True)] | None = Field(
        None, description="when the last one came: a duration, or CEL over `event` and `output`"
    )


class MapSettings(Settings):
    """The items and what is done to each."""

    items: Any = Field(description="a list, or an expression that gives one")
    body: Annotated[dict[str, Any], BodySpec(more=ITEM_VARIABLES)]
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | ExpressionText = Field(
        8, description="items that work at once"
    )
    batch: Annotated[int, Field(ge=1, le=100_000)] | ExpressionText = Field(
        1, description="items for each body; above 1 `item` is a list"
    )
    failures: Annotated[int, Field(ge=0)] | Annotated[str, AfterValidator(_share)] = Field(
        0, description="items that may fail: a number or a share"
    )
    enough: Annotated[int, Field(ge=1)] | Annotated[str, Condition(more=("output",))] | None = (
        Field(None, description="ends it early: a number of good items, or CEL over `output`")
    )
    rest: Annotated[Literal["cancel", "leave"], LiteralMark()] = "cancel"
    more: More | None = None


class MapKind(Kind):
    """Run a body for each item, some at a time."""

    name = "map"
    primitive = "map"
    settings = MapSettings
    label = "Map-reduce"
    group = "Flow"
    summary = "Does the same for every item of a list, some at a time, and counts what failed."

    def bodies(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give the body of an item."""
        return body_of(settings)
