"""Who carries out which effect; other apps register theirs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from workflows_app.core.effects import Effect

Told = Mapping[UUID, Mapping[str, Any]]  # by step run, what its wait shows from now on
Handler = Callable[[Sequence[Effect]], Told | None]
_HANDLERS: dict[type[Effect], Handler] = {}


def register_effect_handler(effect: type[Effect], handler: Handler) -> None:
    """Let `handler` turn effects of this type into rows.

    It is called inside the engine's transaction, while the scope's lock is held, with all
    effects of the type at once; it must write rows only. It may give what the steps that wait
    because of it show of that: `{step run: {"until": time}}`.
    """
    _HANDLERS[effect] = handler


def effects_handle(effects: Sequence[Effect]) -> dict[UUID, Mapping[str, Any]]:
    """Hand each registered effect to its handler; those of one type together.

    Gives what steps that wait show from now on.
    """
    by_type: dict[type[Effect], list[Effect]] = {}
    for effect in effects:
        by_type.setdefault(type(effect), []).append(effect)
    shown: dict[UUID, Mapping[str, Any]] = {}
    for kind, group in by_type.items():
        shown.update(_HANDLERS[kind](group) or {})
    return shown


def has_handler(effect: type[Effect]) -> bool:
    """Tell whether somebody carries this effect out."""
    return effect in _HANDLERS
