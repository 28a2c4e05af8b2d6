"""Taking secret values out of anything that is kept or shown.

Values are known from the moment this process resolves them; what a server echoes back, what an
exception quotes and what a log line holds all pass through here.
"""

import base64
import logging
import threading
from typing import Any
from urllib.parse import quote

from django.conf import settings

JSON = Any
SHORTEST = 4  # a shorter value would redact ordinary text

_known: dict[str, str] = {}
_lock = threading.Lock()


def secret_known(name: str, value: str) -> None:
    """Remember a value that must never be seen again."""
    if len(value) < SHORTEST:
        return
    mark = f"[secret:{name}]"
    forms = {value, quote(value, safe=""), base64.b64encode(value.encode()).decode()}
    with _lock:
        _known.update(dict.fromkeys(forms, mark))


def redact(value: JSON) -> JSON:
    """Give a copy of a text or JSON value in which secrets are replaced by their names."""
    with _lock:
        marks = dict(_known)
    for name in ("ANTHROPIC_API_KEY", "SECRET_KEY"):
        if len(key := getattr(settings, name, "")) >= SHORTEST:
            marks[key] = f"[secret:{name}]"
    # The longest first: one value may be the beginning of another.
    return _redact(value, sorted(marks.items(), key=lambda item: -len(item[0])))


def _redact(value: JSON, marks: list[tuple[str, str]]) -> JSON:
    if isinstance(value, str):
        for secret, mark in marks:
            if secret in value:
                value = value.replace(secret, mark)
        return value
    if isinstance(value, dict):
        return {_redact(key, marks): _redact(item, marks) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(item, marks) for item in value]
    return value


class RedactingFilter(logging.Filter):
    """Takes secrets out of log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        return True


def logging_redact() -> None:
    """Put the filter on every handler of the root logger; safe to call again."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(one, RedactingFilter) for one in handler.filters):
            handler.addFilter(RedactingFilter())
