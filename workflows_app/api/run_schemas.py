"""What a run, its step runs and its history look like from outside."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictInt

from workflows_app.api.schemas import JSON, Schema, page_of
from workflows_app.core.states import RunState

Mode = Literal["live", "rehearsal"]
MAX_SEQUENCE = 2**31 - 1


class StartIn(Schema):
    """What to run on what; `version` is the newest published one when left out."""

    input: JSON = Field(default_factory=dict)
    mode: Mode = "live"
    version: Annotated[StrictInt, Field(ge=1, le=MAX_SEQUENCE)] | Literal["draft"] | None = None


class ErrorOut(Schema):
    code: str
    message: str
    path: str | None = None


class UsageOut(Schema):
    input_tokens: int
    output_tokens: int
    cost_usd: float


class ParentOut(Schema):
    run: UUID
    path: str


class RunOut(Schema):
    id: UUID
    number: int
    workflow: str
    version: int | Literal["draft"]
    mode: Mode
    state: RunState
    input: JSON
    output: JSON
    error: ErrorOut | None
    degraded: list[ErrorOut]
    usage: UsageOut
    parent: ParentOut | None
    actions: list[str]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class WaitingOut(Schema):
    reason: str
    approval: JSON
    event: JSON
    until: datetime | None


class StepRunOut(Schema):
    path: str
    step: str
    kind: str
    generation: int
    state: str
    port: str | None
    attempt: int
    input: JSON
    output: JSON
    error: JSON
    waiting_for: WaitingOut | None
    started_at: datetime | None
    finished_at: datetime | None


class EventOut(Schema):
    sequence: int
    at: datetime
    type: str
    path: str
    generation: int | None
    from_: str | None = Field(alias="from")
    to: str | None
    trigger: str | None
    actor: str
    why: str
    data: JSON


RunPage, StepRunPage, EventPage = page_of(RunOut), page_of(StepRunOut), page_of(EventOut)
