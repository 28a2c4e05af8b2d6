"""Who carries out which effect; other apps register theirs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from workflows_app.core.effects import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What a handler leaves for the transaction that it was called in.

    `shown` is what the waits of step runs say from now on; `history` are events of runs, as
    `history_append` takes them. They are numbered and written with the transaction's own: a
    handler that wrote them would change the run row that the transaction rests on.
    """

    shown: Mapping[UUID, Mapping[str, Any]] = field(default_factory=dict)
    history: Mapping[UUID, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


Handler = Callable[[Sequence[Effect]], Handled]
_HANDLERS: dict[type[Effect], Handler] = {}


def register_effect_handler(effect: type[Effect], handler: Handler) -> None:
    """Let `handler` turn effects of this type into rows.

    It is called inside the engine's transaction, while the scope's lock is held, with all
    effects of the type at once; it must write rows only, and none of the run's own.
    """
    _HANDLERS[effect] = handler


def effects_handle(effects: Sequence[Effect]) -> list[Handled]:
    """Hand each registered effect to its handler; those of one type together."""
    by_type: dict[type[Effect], list[Effect]] = {}
    for effect in effects:
        by_type.setdefault(type(effect), []).append(effect)
    return [_HANDLERS[kind](group) for kind, group in by_type.items()]
