"""The definition, format 1: the one source of its JSON Schema, its checks and its forms."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workflows_app.core.definition.markers import (
    Condition,
    Duration,
    Evaluated,
    Fixed,
    Schema,
)
from workflows_app.core.definition.markers import Literal as LiteralMark

JSON = Any
ID_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
PORT_PATTERN = r"^[^.\s+][^.+]{0,99}$"
RISK_LEVELS = ("low", "medium", "high", "critical")
Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
Guardrails = Annotated[list[dict[str, Any]], LiteralMark()]


class Part(BaseModel):
    """A part of a definition; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False)


class RetryPolicy(Part):
    """How often, and how long apart: `min(initial * factor^(n-1), maximum)`."""

    attempts: int = Field(3, ge=1, le=100, description="tries in all, the first one included")
    initial: Duration = Field("1s", description="wait after the first failure")
    factor: float = Field(2, ge=1, le=100)
    maximum: Duration = Field("60s", description="the longest wait")
    jitter: bool = Field(True, description="wait anything from half of it up")


class UndoSpec(Part):
    """What reverses a step; its arguments also see the step's `output`."""

    tool: Fixed
    arguments: Annotated[dict[str, Any] | str, Evaluated(more=("output", "proposal"))] = Field(
        default_factory=dict
    )


class CacheSpec(Part):
    """Use a result again for some time; only for steps without effect."""

    lasts: Duration = Field(alias="for")


class QuorumJoin(Part):
    """Ready once so many edges are taken."""

    quorum: int = Field(ge=1)


class UntilArm(Part):
    """What races a step's own end: an event, or a time."""

    port: Identifier
    event: Fixed | None = None
    key: Annotated[Any, Evaluated()] = Field(None, description="correlation key; a value")
    where: Annotated[str, Condition(more=("event",))] | None = None
    after: Duration | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "UntilArm":
        if (self.event is None) == (self.after is None):
            raise ValueError("an arm has either an event or a time (`after`)")
        if self.after is not None and (self.key is not None or self.where is not None):
            raise ValueError("`key` and `where` go with an event")
        return self


class Step(Part):
    """One step of a body."""

    id: Identifier
    kind: Fixed
    name: Fixed | None = Field(None, max_length=200, description="shown instead of the id")
    description: Fixed | None = Field(None, max_length=10_000)
    settings: Annotated[dict[str, Any], LiteralMark()] = Field(
        default_factory=dict, alias="with", description="by kind"
    )
    when: Annotated[str, Condition()] | None = Field(
        None, description="CEL; the step is skipped where it is false"
    )
    join: Literal["all", "any"] | QuorumJoin = "all"
    rest: Literal["cancel", "leave"] = "cancel"
    retry: RetryPolicy | None = None
    timeout: Duration | None = Field(None, description="of one attempt; of a container, of all")
    optional: bool = False
    approval: Annotated[dict[str, Any], LiteralMark()] | None = Field(
        None, description="ask people before: the settings of the kind `approval`, and `when`"
    )
    review: Annotated[dict[str, Any], LiteralMark()] | None = Field(
        None, description="ask people after: the same, and `mode` and `rework`"
    )
    guardrails: Guardrails | None = None
    undo: UndoSpec | None = None
    effect: Literal["none", "reversible", "irreversible"] | None = None
    idempotent: bool | None = None
    cache: bool | CacheSpec | None = None
    risk: Annotated[str, LiteralMark()] | None = Field(None, description="a level, or CEL")
    exclusive: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="a name that one step of the run holds at a time"
    )
    until: list[UntilArm] | None = None


class Edge(Part):
    """From a step's port (`done` when unnamed) to a step."""

    source: Annotated[str, Field(min_length=1, max_length=202)] = Field(alias="from")
    target: Annotated[str, Field(min_length=1, max_length=100)] = Field(alias="to")

    @property
    def step(self) -> str:
        """The id of the step that it leaves."""
        return self.source.partition(".")[0]

    @property
    def port(self) -> str:
        """The port that it leaves by."""
        return self.source.partition(".")[2] or "done"


class Body(Part):
    """A graph of steps; without `output` it gives the output of its last step."""

    steps: list[Step] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)
    output: Any = None
    layout: dict[str, Any] = Field(default_factory=dict)


class Limits(Part):
    """What a run may use at most."""

    timeout: Duration = "30d"
    budget_usd: float | None = Field(default=None, ge=0)
    step_runs: int = Field(default=100_000, ge=1, le=10_000_000)
    depth: int = Field(default=5, ge=1, le=50)


_InputOfTrigger = Annotated[Any, Evaluated(more=("event",))]
_Where = Annotated[str, Condition(more=("event",))]


class EventTrigger(Part):
    """Starts a run for each event of a type; `*` stands for anything."""

    event: str = Field(min_length=1, max_length=200)
    where: _Where | None = None
    input: _InputOfTrigger = None


class ScheduleTrigger(Part):
    """Starts a run at the times of a cron line, in a zone."""

    schedule: str = Field(min_length=1, max_length=200)
    zone: str = "UTC"
    input: _InputOfTrigger = None


class WebhookTrigger(Part):
    """Starts a run for each signed call of its own address."""

    webhook: str = Field(min_length=1, max_length=100)
    where: _Where | None = None
    input: _InputOfTrigger = None


Trigger = EventTrigger | ScheduleTrigger | WebhookTrigger


class Definition(Part):
    """A whole workflow."""

    format: Literal[1]
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    input: Annotated[dict[str, Any] | bool, Schema()] = Field(default_factory=dict)
    output: Any = None
    limits: Limits = Field(default_factory=Limits)
    on_failure: Literal["stop", "compensate"] = "stop"
    triggers: list[Trigger] = Field(default_factory=list)
    guardrails: Guardrails = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)
    layout: dict[str, Any] = Field(default_factory=dict)
