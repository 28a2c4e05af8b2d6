"""The kinds in which a person is the step, and the settings of every gate and review."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from approvals_app.core.asked import CHECKPOINT_DECISIONS
from approvals_app.core.sla import ladder_is_ordered
from workflows_app.core.definition.markers import Condition, People, SchemaDocument
from workflows_app.core.definition.markers import Literal as LiteralMark
from workflows_app.core.durations import duration_parse
from workflows_app.core.kinds import Call, Done, Kind, Suspend
from workflows_app.core.states import WaitReason

JSON = Any
_NAME = re.compile(r"(user|group|role):\S+")


def is_expression(value: JSON) -> bool:
    """Tell whether a string is computed when the step runs, so that only its place is known."""
    return isinstance(value, str) and (value.startswith("=") or "{{" in value)


def _expression(value: str) -> str:
    if not is_expression(value):
        raise ValueError("write a value, or an expression that starts with =")
    return value


def _assignee(value: str) -> str:
    if not is_expression(value) and not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is neither user:NAME nor group:NAME")
    return value


def _duration(value: str) -> str:
    if not is_expression(value) and duration_parse(value).total_seconds() <= 0:
        raise ValueError("a deadline is longer than nothing")
    return value


Computed = Annotated[str, AfterValidator(_expression)]
Assignee = Annotated[str, AfterValidator(_assignee)]
Assignees = Annotated[Annotated[list[Assignee], Field(min_length=1)] | Computed, People()]
DurationText = Annotated[str, AfterValidator(_duration)]
Fixed = LiteralMark()
Share = Annotated[float, Field(ge=0, le=1)] | Computed
Level = Literal["low", "medium", "high", "critical"] | Computed
Count = Annotated[int, Field(ge=1)] | Literal["all"] | Computed
DecisionName = Literal["approve", "edit", "answer", "label", "reject", "take_over"]
# What `when` sees beside the step's own variables: what it is about to do, or what it gave.
GATE_VARIABLES = ("proposal",)
LEAST_SAMPLE = 0.05  # of what a relaxed gate lets pass, people are still asked so much
REVIEW_VARIABLES = ("proposal", "output")


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Alternative(_Settings):
    """Another way that was considered."""

    summary: str
    why: str = ""
    confidence: Share | None = None


class Link(_Settings):
    """Something to look at before deciding; http and https only."""

    label: str = ""
    url: str

    @model_validator(mode="after")
    def _is_web_address(self) -> "Link":
        if not is_expression(self.url) and not self.url.startswith(("http://", "https://")):
            raise ValueError("a link starts with https:// or http://")
        return self


class LadderRung(_Settings):
    """Who is asked as well, once so much time has passed since the request."""

    after: DurationText
    assignees: Assignees
    channel: Annotated[Literal["mail", "chat"] | None, Fixed] = Field(
        None, description="how they are told; as each of them wants where empty"
    )


class AskSettings(_Settings):
    """Who is asked, about what, and until when."""

    summary: str | None = Field(None, description="what is asked, in one line")
    details: str | None = None
    recommendation: str | None = Field(None, description="what the agent advises, and why")
    confidence: Share | None = None
    risk: Level | None = Field(None, description="high wants a reason, critical two people")
    impact: str | list[str] | None = None
    alternatives: list[Alternative | Computed] | Computed | None = None
    links: list[Link | Computed] | Computed | None = None
    requested_by: str | None = Field(None, description="who asks; the path where empty")
    assignees: Assignees
    need: Count = Field(1, description="how many must agree, or all")
    deadline: DurationText = Field("24h", description="time to answer")
    on_timeout: Annotated[Literal["deny", "escalate", "fail"], Fixed] = "deny"
    ladder: list[LadderRung] | None = None
    decisions: Annotated[list[DecisionName] | None, Fixed] = Field(None, min_length=1)
    form: SchemaDocument | None = Field(None, description="JSON Schema of an answer")
    calendar: Annotated[str | None, Fixed] = Field(
        None, description="business hours by which the times count; always: around the clock"
    )
    blind: Annotated[float | None, Fixed] = Field(
        None,
        ge=0,
        le=1,
        description="share asked without the agent's view; 0.05 once a gate has a record",
    )

    @model_validator(mode="after")
    def _has_a_ladder_to_climb(self) -> "AskSettings":
        if self.on_timeout == "escalate" and not self.ladder:
            raise ValueError("on_timeout escalate needs a ladder")
        afters = [rung.after for rung in self.ladder or () if not is_expression(rung.after)]
        if not ladder_is_ordered([duration_parse(after) for after in afters]):
            raise ValueError("each rung of the ladder comes later than the one before it")
        return self


class RelaxSettings(_Settings):
    """Where a proven gate lets proposals pass; it asks again once the proof no longer holds."""

    when: Annotated[str, Condition(more=GATE_VARIABLES)] = Field(
        description="CEL over proposal, with its confidence; passes where it is true"
    )
    sample: Annotated[float, Fixed] = Field(
        LEAST_SAMPLE, ge=LEAST_SAMPLE, le=1, description="share that is asked all the same"
    )
    least: Annotated[float, Fixed] = Field(
        0.9, ge=0.5, le=1, description="agreement in the sample below which it asks again"
    )


class GateSettings(AskSettings):
    """The settings of an `approval` before any step."""

    when: Annotated[str, Condition(more=GATE_VARIABLES)] | None = Field(
        None, description="CEL; asks only where it is true, or errs"
    )
    relax: RelaxSettings | None = Field(None, description="made on the page Autonomy")

    @model_validator(mode="after")
    def _critical_is_never_relaxed(self) -> "GateSettings":
        if self.relax is not None and self.risk == "critical":
            raise ValueError("a critical gate is never relaxed")
        return self


class ReviewSettings(AskSettings):
    """The settings of a `review`: of what a step gave, after it has acted."""

    when: Annotated[str, Condition(more=REVIEW_VARIABLES)] | None = Field(
        None, description="CEL; asks only where it is true, or errs"
    )
    mode: Annotated[Literal["after", "parallel"], Fixed] = "after"
    rework: int = Field(0, ge=0, le=100, description="how often a rejection sends it back")


class ApprovalSettings(AskSettings):
    """The settings of the kind `approval`, whose step is the question itself."""

    summary: str


class CheckpointSettings(_Settings):
    """The settings of the kind `checkpoint`."""

    summary: str | None = None
    show: JSON = Field(None, description="what people see of the state so far")
    details: str | None = None
    risk: Level | None = None
    assignees: Assignees
    need: Count = 1
    deadline: DurationText = "24h"
    on_timeout: Annotated[Literal["deny", "fail"], Fixed] = "deny"


class ApprovalKind(Kind):
    """Ask people, and go on with their answer."""

    name = "approval"
    primitive = "wait"
    settings = ApprovalSettings
    gate = GateSettings
    review = ReviewSettings
    label = "Approval"
    group = "People"
    summary = "Asks people to decide, to answer a question, to give a label or to take over."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return ("rejected", "expired")

    def run(self, call: Call) -> Done | Suspend:
        return Suspend(
            reason=WaitReason.APPROVAL, request=_with_risk(call), waiting={"approval": None}
        )


class CheckpointKind(Kind):
    """Stop and let people look before the run goes on."""

    name = "checkpoint"
    primitive = "wait"
    settings = CheckpointSettings
    label = "Checkpoint"
    group = "Safety"
    summary = "Stops the run; people continue it, change what comes next, or end it here."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return ("stopped", "expired")

    def run(self, call: Call) -> Done | Suspend:
        request = {**_with_risk(call), "decisions": list(CHECKPOINT_DECISIONS)}
        return Suspend(reason=WaitReason.CHECKPOINT, request=request, waiting={"approval": None})


def _with_risk(call: Call) -> dict[str, JSON]:
    """Give the rendered settings; a risk set on the step itself holds where they have none."""
    settings = dict(call.settings)
    level = call.spec.get("risk")
    if settings.get("risk") is None and isinstance(level, str) and not is_expression(level):
        settings["risk"] = level
    return settings
