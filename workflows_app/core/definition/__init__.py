"""The definition, format 1: its models, checks, digest, differences and other ways to write it."""

from workflows_app.core.definition.check import (
    definition_check,
    definition_digest,
    without_layout,
)
from workflows_app.core.definition.diff import Change, definition_diff
from workflows_app.core.definition.models import (
    Body,
    Definition,
    Edge,
    Limits,
    RetryPolicy,
    Step,
)
from workflows_app.core.definition.problems import (
    CheckContext,
    Checked,
    Problem,
    ToolFacts,
    WorkflowFacts,
)
from workflows_app.core.definition.schema import json_schema
from workflows_app.core.definition.yaml_text import definition_from_yaml, definition_to_yaml

__all__ = [
    "Body",
    "Change",
    "CheckContext",
    "Checked",
    "Definition",
    "Edge",
    "Limits",
    "Problem",
    "RetryPolicy",
    "Step",
    "ToolFacts",
    "WorkflowFacts",
    "definition_check",
    "definition_diff",
    "definition_digest",
    "definition_from_yaml",
    "definition_to_yaml",
    "json_schema",
    "without_layout",
]
