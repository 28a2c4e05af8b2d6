"""What the outline's forms ask for, as a new definition and what was done in words."""

from collections.abc import Callable, Mapping
from typing import Any

from workflows_app.builder.locate import step_locate
from workflows_app.builder.outline_states import state_act
from workflows_app.builder.palette import defaults_of, is_offered, label_of
from workflows_app.builder.rename import rename_changes
from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.bodies import step_find
from workflows_app.core.definition.changes import changes_apply
from workflows_app.core.definition.edits import (
    EditRefused,
    connect,
    disconnect,
    id_free,
    step_add,
    step_delete,
    step_move,
    step_shift,
)
from workflows_app.core.kinds import kinds

JSON = Any
Sent = Mapping[str, str]
Done = tuple[dict[str, JSON], str, str]  # the definition, what was done, the path to show next


def outline_act(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    """Carry out what a form of the outline asks for.

    Raises:
        EditRefused: it is not possible; the message says why.
    """
    name = sent.get("act", "")
    act = _ACTS.get(name)
    return act(definition, sent, context) if act else state_act(name, definition, sent)


def _add(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    kind = sent.get("kind", "")
    known = kinds().get(kind)
    if known is None or not is_offered(known):
        raise EditRefused("Choose a kind of step.")
    wanted = sent.get("id", "").strip()
    name = wanted or id_free(definition, label_of(kind))
    body, source = sent.get("body", ""), sent.get("source", "")
    made = step_add(
        definition,
        body=body,
        step={"id": name, "kind": kind, "with": defaults_of(kind, context)},
        after=(source, sent.get("port") or "done") if source else None,
        between=bool(sent.get("between")),
    )
    return made, f"Added {name}", f"{body}.{name}" if body else name


def _connect(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    ends = _ends(sent)
    if not ends["target"]:
        raise EditRefused("Choose the step to lead to.")
    made = connect(definition, body=sent.get("body", ""), **ends)
    return made, f"Connected {ends['source']} to {ends['target']}", sent.get("at", "")


def _disconnect(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    ends = _ends(sent)
    made = disconnect(definition, body=sent.get("body", ""), **ends)
    return made, f"Disconnected {ends['source']} from {ends['target']}", sent.get("at", "")


def _move(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    """Move behind a port of a step of the same body; `to` is `step.port`."""
    path, (source, _, port) = sent.get("at", ""), sent.get("to", "").partition(".")
    if not source:
        raise EditRefused("Choose the step to follow.")
    found = step_find(definition, path)
    body = found[0].path if found else ""
    made = step_move(definition, path=path, body=body, after=(source, port or "done"))
    return made, f"Moved {path} after {source}", path


def _move_into(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    path, body = sent.get("at", ""), sent.get("into", "").removeprefix("/")
    if not sent.get("into"):
        raise EditRefused("Choose where to move it.")
    made = step_move(definition, path=path, body=body)
    name = path.rpartition(".")[2]
    return made, f"Moved {name} into {body or 'the workflow'}", f"{body}.{name}" if body else name


def _shift(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    path, is_earlier = sent.get("at", ""), sent.get("act") == "earlier"
    made = step_shift(definition, path=path, is_earlier=is_earlier)
    return made, f"Moved {path} {'up' if is_earlier else 'down'}", path


def _delete(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    path = sent.get("at", "")
    made = step_delete(definition, path=path, closes_gap=bool(sent.get("closes_gap")))
    return made, f"Deleted {path}", ""


def _rename(definition: Mapping[str, JSON], sent: Sent, context: CheckContext) -> Done:
    path, wanted = sent.get("at", ""), sent.get("id", "").strip()
    located = step_locate(definition, path)
    if located is None:
        raise EditRefused(f"There is no step {path} any more.")
    made, _ = changes_apply(definition, rename_changes(definition, located, wanted))
    around = path.rpartition(".")[0]
    return made, f"Renamed {path} to {wanted}", f"{around}.{wanted}" if around else wanted


def _ends(sent: Sent) -> dict[str, str]:
    return {
        "source": sent.get("source", ""),
        "port": sent.get("port") or "done",
        "target": sent.get("target", ""),
    }


_ACTS: dict[str, Callable[[Mapping[str, JSON], Sent, CheckContext], Done]] = {
    "add": _add,
    "connect": _connect,
    "disconnect": _disconnect,
    "move": _move,
    "move_into": _move_into,
    "earlier": _shift,
    "later": _shift,
    "delete": _delete,
    "rename": _rename,
}
