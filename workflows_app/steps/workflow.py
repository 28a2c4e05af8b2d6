"""The kind `workflow`: another workflow's run as a step."""

from typing import Annotated, Any

from pydantic import Field

from workflows_app.core.definition.markers import Fixed
from workflows_app.core.kinds import Kind
from workflows_app.steps.settings import Settings


class WorkflowSettings(Settings):
    """Which workflow, in which version, with what input."""

    slug: Annotated[Fixed, Field(min_length=1, max_length=100)]
    version: Annotated[int, Field(ge=1)] | None = Field(
        None, description="the newest one at publish where it is left out"
    )
    input: Any = None


class WorkflowKind(Kind):
    """Start a child run and wait for it."""

    name = "workflow"
    primitive = "workflow"
    settings = WorkflowSettings
    label = "Sub-workflow"
    group = "Flow"
    summary = "Runs a version of another workflow and goes on with its output."
