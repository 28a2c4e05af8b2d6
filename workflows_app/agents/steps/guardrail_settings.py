"""The settings of every check, one model for each; `check` says which."""

from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workflows_app.agents.core.personal_data import KINDS
from workflows_app.core.definition.markers import Condition as ConditionMarker
from workflows_app.core.definition.markers import ConditionText, Duration, Fixed

OnTrip = Literal["block", "hold", "escalate", "fallback", "redact", "warn"]
Source = Annotated[str, ConditionMarker(is_boolean=False, more=("output",))]


def _pattern(source: str) -> str:
    try:
        re2.compile(source)
    except re2.error as error:
        raise ValueError(f"not a pattern that RE2 knows: {error}") from None
    return source


class Guardrail(BaseModel):
    """What all checks share."""

    model_config = ConfigDict(extra="forbid")

    check: Fixed
    at: Literal["before", "after", "both"] = "after"
    on_trip: OnTrip = "block"
    mode: Literal["on", "observe"] = "on"


class Budget(Guardrail):
    check: Literal["budget"]
    usd: float = Field(gt=0)
    per: Literal["run", "day", "month"] = "run"


class Rate(Guardrail):
    check: Literal["rate"]
    limit: int = Field(ge=1)
    per: Duration
    excess: Literal["queue", "refuse"] = "queue"


class Volume(Guardrail):
    check: Literal["volume"]
    items: int = Field(ge=0)


class Time(Guardrail):
    check: Literal["time"]
    maximum: Duration


class PersonalData(Guardrail):
    check: Literal["personal_data"]
    kinds: list[Literal[KINDS]] | None = None  # type: ignore[valid-type]


class Patterns(Guardrail):
    check: Literal["patterns"]
    deny: list[Annotated[str, AfterValidator(_pattern)]] = Field(min_length=1, max_length=200)


class Categories(Guardrail):
    check: Literal["categories"]
    blocked: list[str] = Field(min_length=1)
    model: Fixed = "small"


class Judge(Guardrail):
    check: Literal["judge"]
    policy: str
    model: Fixed = "small"
    threshold: float = Field(ge=0, le=1)


class Injection(Guardrail):
    check: Literal["injection"]


class Confidence(Guardrail):
    check: Literal["confidence"]
    minimum: float = Field(ge=0, le=1)
    of: Source | None = None


class Anomaly(Guardrail):
    check: Literal["anomaly"]
    of: Source
    sigma: float = Field(default=3, gt=0)
    history: int = Field(default=100, ge=10, le=10_000)


class Change(Guardrail):
    check: Literal["change"]
    from_: Source = Field(alias="from")
    to: Source
    maximum: float | Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]


class Listed(Guardrail):
    check: Literal["tools", "hosts", "resources", "regions"]
    allow: list[str] | None = None
    deny: list[str] | None = None
    of: Source | None = None


class Repeats(Guardrail):
    check: Literal["repeats"]
    calls: int = Field(default=3, ge=2)


class Rule(Guardrail):
    check: Literal["rule"]
    when: Annotated[ConditionText, ConditionMarker(more=("output",))]


AnyGuardrail = Annotated[
    Budget
    | Rate
    | Volume
    | Time
    | PersonalData
    | Patterns
    | Categories
    | Judge
    | Injection
    | Confidence
    | Anomaly
    | Change
    | Listed
    | Repeats
    | Rule,
    Field(discriminator="check"),
]


def guardrail_models() -> dict[str, type[BaseModel]]:
    """Give the settings model of each check by its name."""
    models: list[Any] = [
        Budget, Rate, Volume, Time, PersonalData, Patterns, Categories, Judge, Injection,
        Confidence, Anomaly, Change, Listed, Repeats, Rule,
    ]  # fmt: skip
    return {
        name: model for model in models for name in model.model_fields["check"].annotation.__args__
    }
