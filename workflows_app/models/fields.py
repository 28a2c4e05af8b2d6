"""A JSON column that gives back exactly what was written.

`jsonb` rewrites numbers (1e22 comes back as an integer) and orders keys, so bytes that a
person approved would not survive a round trip. Text does, and a reader that only passes a
value on need not parse it.
"""

import json
from typing import Any

from django.db import models


def json_dump(value: Any) -> str:
    """Give compact JSON text; NaN and infinities raise ValueError."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class JSONTextField(models.TextField):
    """Hold a JSON value as text; None is SQL NULL."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json_dump(value)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return json_dump(self.value_from_object(obj))
