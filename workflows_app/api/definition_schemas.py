"""What workflows, their drafts and their versions look like from outside."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StrictInt

from workflows_app.api.schemas import JSON, Schema, page_of

Definition = dict[str, Any]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", max_length=100)]
Revision = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]


class ValidateIn(Schema):
    definition: Definition


class ProblemOut(Schema):
    """What is wrong in a definition; only an error keeps it from being published."""

    severity: Literal["error", "warning"]
    code: str
    step: str | None
    pointer: str
    message: str


class ValidateOut(Schema):
    valid: bool
    digest: str | None
    problems: list[ProblemOut]


class WorkflowIn(Schema):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    slug: Slug | None = None
    definition: Definition
    workspace: str | None = None


class DraftOut(Schema):
    definition: JSON
    revision: int
    problems: list[ProblemOut]


class WorkflowOut(Schema):
    """`version` is the number of the newest published version, null before the first."""

    slug: str
    name: str
    workspace: str
    draft: DraftOut
    version: int | None


class DraftIn(Schema):
    definition: Definition
    revision: Revision


class PublishIn(Schema):
    revision: Revision
    note: Annotated[str, Field(max_length=10_000)] = ""


class TriggerOut(Schema):
    """A registered trigger; `secret` is only in the answer that made it."""

    id: UUID
    kind: Literal["event", "schedule", "webhook"]
    url: str | None
    secret: str | None


class VersionOut(Schema):
    number: int
    digest: str
    note: str
    published_at: datetime
    definition: JSON
    triggers: list[TriggerOut]


class ImportIn(Schema):
    """A definition as text; it becomes a draft and nothing is looked up or run."""

    text: Annotated[str, Field(max_length=1_000_000)]
    format: Literal["json", "yaml"] = "json"
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    slug: Slug | None = None
    workspace: str | None = None


WorkflowPage, VersionPage = page_of(WorkflowOut), page_of(VersionOut)


VersionName = Annotated[int, Field(ge=1, le=2**31 - 1)] | Literal["draft"]


class ChangeOut(Schema):
    """One difference; `pointer` lies in the newer definition, in the older where it was removed."""

    action: Literal["added", "removed", "changed"]
    kind: Literal["step", "edge", "setting", "definition"]
    step: str | None
    pointer: str
    old: JSON
    new: JSON


class DiffOut(Schema):
    from_: VersionName = Field(alias="from")
    to: VersionName
    changes: list[ChangeOut]
