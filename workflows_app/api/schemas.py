"""What requests and answers share: nothing unknown gets in, nothing undocumented gets out."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

JSON = Any


class Schema(BaseModel):
    """The base of every body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Loose(BaseModel):
    """The base of a document that names further members by its `code`."""

    model_config = ConfigDict(extra="allow")


class FieldProblem(Loose):
    """One thing that is wrong, and where."""

    code: str
    message: str
    pointer: str | None = Field(None, description="JSON pointer into the body or the definition")


class Problem(Loose):
    """A problem document (RFC 9457); `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    problems: list[FieldProblem] | None = None
    allowed: list[str] | None = Field(None, description="what the state does allow (409)")


class Paging(BaseModel):
    """Where in a list to go on, and how far."""

    cursor: str | None = Field(None, description="`next` of the page before", max_length=500)
    limit: int = Field(50, ge=1, le=200)


def page_of(item: type[BaseModel]) -> Any:
    """Give the schema of a page of `item`: `{"items": [...], "next": cursor or null}`."""
    return create_model(
        f"{item.__name__}Page",
        __base__=Schema,
        items=(list[item], ...),  # type: ignore[valid-type]
        next=(str | None, Field(..., description="cursor of the next page")),
    )
