"""Errors of the domain; `project/errors.py` turns each into an answer."""

from typing import Any


class DomainError(Exception):
    """Something the caller can do something about.

    Args:
        code: stable, snake case.
        message: what is wrong, where, and what to do.
        extra: further members of the problem document.
    """

    status = 400
    code = "bad_request"

    def __init__(self, message: str, *, code: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.extra = extra


class NotFound(DomainError):
    """It does not exist, or the actor may not know that it does."""

    status = 404
    code = "not_found"


class Forbidden(DomainError):
    """The actor is known and may not do this."""

    status = 403
    code = "forbidden"


class Conflict(DomainError):
    """The state of things is no longer what the caller assumed."""

    status = 409
    code = "conflict"


class IllegalState(Conflict):
    """The state forbids this; `allowed` names what it does allow."""

    code = "illegal_state"

    def __init__(self, message: str, *, allowed: list[str], **extra: Any) -> None:
        super().__init__(message, allowed=allowed, **extra)


class Invalid(DomainError):
    """The input breaks a rule; `problems` says which, where."""

    status = 422
    code = "invalid"

    def __init__(
        self, message: str, *, problems: list[dict[str, Any]] | None = None, **extra: Any
    ) -> None:
        super().__init__(message, problems=problems or [], **extra)
