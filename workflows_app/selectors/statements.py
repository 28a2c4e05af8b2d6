"""Model instances read by statements of our own, which the database prepares once.

The ORM makes its SQL anew for each call, and the database plans it anew: for what every call of
the API begins or ends with, both together took longer than everything else in it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db import connection, models

from workflows_app.models.fields import JSONTextField

_KEPT_AS_TEXT = (JSONTextField, models.JSONField)


class Columns[M: models.Model]:
    """The columns of a model in a statement, and how an instance is made of a row."""

    def __init__(self, model: type[M], alias: str, *, without: Iterable[str] = ()) -> None:
        left_out = set(without)
        fields = [field for field in model._meta.concrete_fields if field.name not in left_out]
        self.model = model
        self.names = [field.attname for field in fields]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in fields)
        self._texts = [
            number for number, field in enumerate(fields) if isinstance(field, _KEPT_AS_TEXT)
        ]

    def __len__(self) -> int:
        return len(self.names)

    def make(self, row: Sequence[Any], first: int = 0) -> M:
        """Give the instance whose columns begin at `first`; what was left out is deferred."""
        values = list(row[first : first + len(self.names)])
        for number in self._texts:
            if isinstance(values[number], str):
                values[number] = json.loads(values[number])
        return self.model.from_db("default", self.names, values)


def row_read(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """Give the first row of a statement, which the database keeps prepared."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        return cursor.execute(statement, parameters, prepare=True).fetchone()
