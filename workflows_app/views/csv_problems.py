"""What is wrong with the rows of a table, each with its line, its column and what stands there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workflows_app.services.inputs import schema_problems
from workflows_app.views.csv_rows import Plan
from workflows_app.views.schema_form import REQUIRED, form_build, pointer_escape
from workflows_app.views.schema_words import NEEDED

JSON = Any
SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """One cell, or a whole row where no column is to blame."""

    line: int
    column: str
    cell: str
    message: str


def rows_check(plan: Plan, schema: JSON, inputs: Sequence[JSON]) -> list[RowProblem]:
    """Give what the schema says against the rows, the first hundred problems.

    Args:
        inputs: one for each row; where the rows fill a list, the one that holds them all.
    """
    found: list[RowProblem] = []
    if plan.into:
        start, rows = f"/{pointer_escape(plan.into)}/", inputs[0][plan.into]
        for problem in schema_problems(schema, inputs[0]):
            row, _, inner = problem["pointer"].removeprefix(start).partition("/")
            if problem["pointer"].startswith(start) and row.isdecimal():
                one = {**problem, "pointer": f"/{inner}" if inner else ""}
                found += _of_row(plan, plan.target, int(row), rows[int(row)], [one])
        return found
    for place, value in enumerate(inputs):
        found += _of_row(plan, schema, place, value, schema_problems(schema, value))
        if len(found) >= SHOWN:
            break
    return found[:SHOWN]


def others_check(plan: Plan, schema: JSON, value: JSON) -> list[dict[str, str]]:
    """Give the problems of one run's input that no row is to blame for."""
    start = f"/{pointer_escape(plan.into)}/"
    return [one for one in schema_problems(schema, value) if not one["pointer"].startswith(start)]


def _of_row(
    plan: Plan, schema: JSON, place: int, value: JSON, problems: Iterable[dict[str, str]]
) -> list[RowProblem]:
    """Say each problem of a row in the words of the start form."""
    cells = dict(zip(plan.table.columns, plan.table.rows[place], strict=True))
    columns = {match.name: match.column for match in plan.matches}
    found = []
    for problem in problems:
        missing = REQUIRED.match(problem["message"])
        first = problem["pointer"].split("/")[1:2]
        name = first[0].replace("~1", "/").replace("~0", "~") if first else ""
        name = missing["name"] if missing and not name else name
        name = "item" if plan.is_plain else name
        column = columns.get(name, "")
        form = form_build(schema, value, [problem])
        said = next((one for _, _, one in form.marked()), "") or form.errors[0]
        if missing and not column:
            said = f"{NEEDED}: {name}, and no column fills it"
        found.append(
            RowProblem(
                line=plan.table.lines[place],
                column=column,
                cell=cells.get(column, ""),
                message=said,
            )
        )
    return found
