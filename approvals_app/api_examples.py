"""Corrections over HTTP, as examples for evaluations."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from approvals_app.selectors.examples import example_list, example_shape, examples_csv
from workflows_app.api.auth import needs, principal
from workflows_app.api.paging import page
from workflows_app.api.schemas import JSON, Paging, Schema, page_of

router = Router(tags=["approvals"])
ROWS_MOST = 10_000


class ExampleOut(Schema):
    """One correction: what was proposed on which input, and what a person put in its place."""

    request: int
    workflow: str
    version: int | None
    gate: str
    risk: str
    confidence: float | None
    kind: Literal["edited", "label", "output", "changes", "taken_over"]
    input: JSON
    proposed: JSON
    corrected: JSON
    reason: str
    by: str
    at: str


ExamplePage = page_of(ExampleOut)


@router.get("approvals/examples", auth=needs("read"), response=ExamplePage)
def examples(
    request: HttpRequest,
    paging: Query[Paging],
    workflow: str = "",
    gate: str = "",
    format: Literal["json", "csv"] = "json",
) -> Any:
    """Edits, labels, answers and take-overs, newest first; `format=csv` gives them at once."""
    rows = example_list(actor=principal(request), workflow=workflow, gate=gate)
    if format == "csv":
        text = examples_csv(example_shape(row) for row in rows[:ROWS_MOST])
        answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="approval-examples.csv"'
        return answer
    return page(rows, paging.cursor, paging.limit, by="-pk", shape=example_shape)
