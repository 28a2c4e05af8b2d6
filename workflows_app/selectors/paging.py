"""Keyset paging: a page stays right while rows are added before it."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, QuerySet

from workflows_app.errors import Invalid


def page(
    queryset: QuerySet[Any],
    cursor: str | None = None,
    limit: int = 50,
    *,
    by: str = "-pk",
    shape: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """Give one page as `{"items": [...], "next": cursor or None}`.

    Args:
        by: the unique field that orders the list, with `-` for newest first.
        shape: makes an item of a row.

    Raises:
        Invalid: a cursor that we did not give.
    """
    descending, name = by.startswith("-"), by.removeprefix("-")
    if cursor is not None:
        value = _cursor_read(queryset.model, name, cursor)
        queryset = queryset.filter(**{f"{name}__{'lt' if descending else 'gt'}": value})
    rows = list(queryset.order_by(by)[: limit + 1])
    following = cursor_of(getattr(rows[limit - 1], name)) if len(rows) > limit else None
    return {"items": [shape(row) if shape else row for row in rows[:limit]], "next": following}


def cursor_of(value: Any) -> str:
    """Give the cursor of the page that follows the row with this value."""
    return base64.urlsafe_b64encode(json.dumps(str(value)).encode()).decode().rstrip("=")


def _cursor_read(model: type[Model], name: str, cursor: str) -> Any:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        value = field.to_python(text)  # type: ignore[union-attr]
        field.run_validators(value)  # type: ignore[union-attr]
    except (ValueError, binascii.Error, ValidationError, FieldDoesNotExist, TypeError):
        problem = {"pointer": "/cursor", "code": "bad_cursor", "message": "not a cursor of ours"}
        raise Invalid("Take `cursor` from the `next` of a page.", problems=[problem]) from None
    return value
