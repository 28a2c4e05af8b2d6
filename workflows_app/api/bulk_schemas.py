"""Bodies and answers of bulk operations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictInt

from workflows_app.api.schemas import JSON, Schema, page_of
from workflows_app.models.bulk import BULK_ACTIONS
from workflows_app.services.bulk import MOST

Action = Literal["retry", "cancel", "pause", "resume", "skip", "fail"]
assert Action.__args__ == BULK_ACTIONS  # type: ignore[attr-defined]  # noqa: S101
Text = Annotated[str, Field(min_length=1, max_length=200)]


class RunFilter(Schema):
    """Which runs: all that fit every field, as the list of runs on its page narrows them."""

    state: Text | None = Field(None, description="run states, by comma; or `open`, `ended`")
    workflow: Text | None = Field(None, description="a slug")
    version: Text | None = Field(None, description="a version's number")
    mode: Literal["live", "rehearsal"] | None = None
    step: Text | None = Field(None, description="runs that stand at a step of this id")
    waiting: Text | None = Field(None, description="why a step of the run waits, as `incident`")
    error: Text | None = Field(None, description="the code of the run's error")
    cost: Text | None = Field(None, description="US dollars: `>1`, `<0.5`")
    started: Text | None = Field(None, description="`24h`, `<7d`, `2026-01-31`")
    run: Text | None = Field(None, description="a run's number")
    text: Text | None = Field(None, description="part of the workflow's name")

    def named(self) -> dict[str, str]:
        """Give the fields that were named."""
        return self.model_dump(exclude_none=True)


class BulkIn(Schema):
    """One action on the runs of `ids` or of `filter`; the other fields are the single call's."""

    action: Action
    ids: list[UUID] | None = Field(None, max_length=MOST)
    filter: RunFilter | None = None
    reason: str = Field("", max_length=10_000, description="required to cancel")
    rollback: bool | None = Field(None, description="cancel: undo what was done, newest first")
    path: str | None = Field(None, description="retry, skip, fail: the step; else the failed one")
    version: Annotated[StrictInt, Field(ge=1, le=2_147_483_647)] | None = Field(
        None, description="retry: as new runs of that version, which keep unchanged results"
    )
    output: JSON = Field(None, description="skip: what the step gives")

    def fields(self) -> dict[str, JSON]:
        """Give the fields of the single call that were named."""
        wanted = {"rollback", "path", "version", "output"}
        given = self.model_dump(include=wanted, exclude_unset=True)
        return {name: value for name, value in given.items() if name == "output" or value}


class ReasonIn(Schema):
    """Why."""

    reason: str = Field("", max_length=10_000)


class ResultProblem(Schema):
    code: str
    message: str


class ResultOut(Schema):
    """What came of one run."""

    run: UUID
    number: int | None
    status: Literal["pending", "done", "failed", "left"]
    problem: ResultProblem | None
    new_run: int | None = Field(description="number of the run that a retry with `version` made")


class BulkOut(Schema):
    """An operation: `running` until every run has its result, then `done` or `stopped`."""

    id: UUID
    number: int
    action: Action
    state: Literal["proposed", "running", "done", "stopped"]
    reason: str
    actor: str
    total: int
    done: int
    failed: int
    left: int
    created_at: datetime
    ended_at: datetime | None


class BulkDetailOut(BulkOut):
    """With a page of its results, in the order in which they are carried out."""

    results: list[ResultOut]
    next: str | None = Field(description="cursor of the next results")


class ResultPaging(BaseModel):
    """Which results: a state, a page of them."""

    status: Literal["pending", "done", "failed", "left"] | None = None
    cursor: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=200)


class ExportQuery(BaseModel):
    """Which runs to export, as `RunFilter`, in a query of the list of runs."""

    q: str = Field("", max_length=500, description="as on the page: `state:failed workflow:refund`")
    format: Literal["jsonl", "csv"] = "jsonl"


BulkPage = page_of(BulkOut)
