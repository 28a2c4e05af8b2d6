"""What a batch of events is answered with: one outcome for each, in their order."""

from collections.abc import Sequence
from typing import Any

from workflows_app.api.event_forms import Refused
from workflows_app.services.incoming import Incoming, Received

JSON = Any


def batch_answer(
    found: Sequence[Incoming | Refused], received: Sequence[Received]
) -> dict[str, JSON]:
    """Give `{items: [{id, status, started, resumed, duplicate, problem}]}`.

    Args:
        found: what the batch had, as `batch_read` gives it.
        received: what the good ones of them did.
    """
    done = iter(received)
    return {
        "items": [
            _refused(one) if isinstance(one, Refused) else _taken(one, next(done)) for one in found
        ]
    }


def _taken(event: Incoming, received: Received) -> dict[str, JSON]:
    return {"id": event.id, "status": 202, **received.as_json(), "problem": None}


def _refused(refused: Refused) -> dict[str, JSON]:
    error = refused.error
    problem = {"status": error.status, "code": error.code, "detail": error.message, **error.extra}
    nothing = Received().as_json()
    return {"id": refused.id, "status": error.status, **nothing, "problem": problem}
