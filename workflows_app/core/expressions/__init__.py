"""CEL for the product: compiled and checked when saved, evaluated on plain JSON."""

from workflows_app.core.expressions.compile import (
    Condition,
    PathValue,
    Value,
    compile_condition,
    compile_expression,
)
from workflows_app.core.expressions.problems import ExpressionError, ExpressionProblem
from workflows_app.core.expressions.rendering import expression_refs, render, render_value
from workflows_app.core.expressions.templates import (
    Rendered,
    Template,
    compile_value,
    expressions,
    has_expression,
)

__all__ = [
    "Condition",
    "ExpressionError",
    "ExpressionProblem",
    "PathValue",
    "Rendered",
    "Template",
    "Value",
    "compile_condition",
    "compile_expression",
    "compile_value",
    "expression_refs",
    "expressions",
    "has_expression",
    "render",
    "render_value",
]
