"""The rows of a schema as the template draws them, each list with an empty row for the next."""

from collections.abc import Sequence
from typing import Any

from workflows_app.builder.forms.schema_rows import SchemaRow

JSON = Any


def rows_drawn(
    rows: Sequence[SchemaRow], name: str, key: str, around: str = ""
) -> list[dict[str, JSON]]:
    """Give each row with the names of its inputs.

    Args:
        name: of the list's inputs; key: what ids begin with; around: the field that holds it.
    """
    listed: list[SchemaRow | None] = [*rows, None]
    return [
        {
            "at": row.name if row else "",
            "row": row,
            "list": name,
            "name": f"{name}/{place}",
            "id": f"{key}-{place}",
            "around": around,
            "inner": None
            if row is None or row.inner is None
            else rows_drawn(row.inner, f"{name}/{place}/in", f"{key}-{place}-in", row.name),
        }
        for place, row in enumerate(listed)
    ]
