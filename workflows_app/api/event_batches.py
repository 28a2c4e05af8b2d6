"""What a batch of events is answered with: one outcome for each, in their order."""

from collections.abc import Sequence
from typing import Any

from workflows_app.errors import DomainError
from workflows_app.services.incoming import Incoming, Received

JSON = Any


def batch_answer(
    found: Sequence[Incoming | DomainError], received: Sequence[Received]
) -> dict[str, JSON]:
    """Give `{items: [{id, status, started, resumed, duplicate, problem}]}`.

    Args:
        found: what the batch had, as `batch_read` gives it.
        received: what the good ones of them did.
    """
    done = iter(received)
    return {
        "items": [
            _refused(one) if isinstance(one, DomainError) else _taken(one, next(done))
            for one in found
        ]
    }


def _taken(event: Incoming, received: Received) -> dict[str, JSON]:
    return {"id": event.id, "status": 202, **received.as_json(), "problem": None}


def _refused(error: DomainError) -> dict[str, JSON]:
    problem = {"status": error.status, "code": error.code, "detail": error.message, **error.extra}
    nothing = Received().as_json()
    return {"id": None, "status": error.status, **nothing, "problem": problem}
