"""Who carries out which effect; other apps register theirs."""

from collections.abc import Callable, Sequence

from workflows_app.core.effects import Effect

Handler = Callable[[Sequence[Effect]], None]
_HANDLERS: dict[type[Effect], Handler] = {}


def register_effect_handler(effect: type[Effect], handler: Handler) -> None:
    """Let `handler` turn effects of this type into rows.

    It is called inside the engine's transaction, while the scope's lock is held, with all
    effects of the type at once; it must write rows only.
    """
    _HANDLERS[effect] = handler


def effects_handle(effects: Sequence[Effect]) -> None:
    """Hand each registered effect to its handler; those of one type together."""
    by_type: dict[type[Effect], list[Effect]] = {}
    for effect in effects:
        by_type.setdefault(type(effect), []).append(effect)
    for kind, group in by_type.items():
        _HANDLERS[kind](group)


def has_handler(effect: type[Effect]) -> bool:
    """Tell whether somebody carries this effect out."""
    return effect in _HANDLERS
