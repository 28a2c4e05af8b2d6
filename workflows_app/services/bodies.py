"""Bodies and their results: what a scope gives, and what a loop does next.

The conditions of containers are evaluated under the container scope's lock, because only then
are their inputs known; the expression budget bounds how long that takes
(docs/adr/0003-conditions-under-the-lock.md).
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from workflows_app.core.engine import machine
from workflows_app.core.engine.draft import MORE, Draft, StepDraft
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import BodyEnded, EventArrived, Fact, TimerFired, TriggerFired
from workflows_app.core.graph import Node
from workflows_app.services.batch import Opened
from workflows_app.services.body_results import body_output, last_output, map_items, results_here
from workflows_app.services.context import RunContext
from workflows_app.services.rows import cursor_open
from workflows_app.services.values import (
    condition_of,
    values_build,
)

JSON = Any


def bodies_enrich(opened: Opened, context: RunContext, facts: list[Fact]) -> Iterator[Fact]:
    """Give the facts one by one, with what only their moment can tell.

    That is the output of a body that ended, what a loop does next, and which transition of a
    state machine fires: each is found in the state that the facts before it have left.
    """
    bodies = _bodies(opened, facts)
    for fact in facts:
        if isinstance(fact, BodyEnded) and _kind(opened.draft, fact) == "map":
            yield _map_judged(opened, context, fact)
        elif isinstance(fact, BodyEnded) and fact.scope in bodies:
            output, values = bodies[fact.scope]
            ended = _enrich(opened, context, fact, output, values)
            yield ended
            status = opened.draft.by_id[fact.step_run]
            if opened.draft.node(status).kind.primitive == "state_machine" and status.is_open:
                fired = machine.entry_trigger(opened.draft, status, ended)
                if fired is not None:
                    yield transition_choose(opened, context, fired)
        elif isinstance(fact, TimerFired) and fact.name.startswith(machine.TIMEOUT):
            waiting = opened.draft.by_id.get(fact.step_run)
            if waiting is not None and waiting.is_open:
                fired = machine.timeout_trigger(opened.draft, waiting, fact)
                if fired is not None:
                    yield transition_choose(opened, context, fired)
        elif isinstance(fact, TriggerFired):
            yield transition_choose(opened, context, fact)
        elif isinstance(fact, EventArrived) and fact.port == MORE:
            yield _last_judged(opened, context, fact)
        else:
            yield fact


def _last_judged(opened: Opened, context: RunContext, fact: EventArrived) -> EventArrived:
    """Tell whether a map that takes more items closes with this one."""
    status = opened.draft.by_id.get(fact.step_run)
    progress = (status.progress if status is not None else None) or {}
    last = (progress.get("more") or {}).get("last")
    if not last:
        return fact
    so_far = {
        "items": [item for item in map_items(opened, fact.step_run) if item is not None],
        **{name: progress[name] for name in ("total", "processed", "failed")},
    }
    try:
        holds = _condition(opened, context, last, output=so_far, event=fact.event)
        return replace(fact, is_last=holds is True)
    except ExpressionError:
        return fact


def _map_judged(opened: Opened, context: RunContext, fact: BodyEnded) -> BodyEnded:
    """Tell whether a map has enough, where that is an expression over what it gave so far."""
    status = opened.draft.by_id[fact.step_run]
    enough = opened.draft.node(status).settings.get("enough")
    if not isinstance(enough, str) or not status.progress or fact.is_cancelled:
        return fact
    is_good = fact.outcome != "error"
    so_far = {
        "items": [item for item in map_items(opened, status.id) if item is not None],
        "total": status.progress["total"],
        "processed": status.progress["processed"] + is_good,
        "failed": status.progress["failed"] + (not is_good),
    }
    try:
        return replace(fact, is_enough=_condition(opened, context, enough, output=so_far))
    except ExpressionError:
        return fact


def _bodies(opened: Opened, facts: list[Fact]) -> dict[UUID, tuple[JSON, JSON]]:
    """Read the outputs and values of the bodies that ended; a map reads its own at its end."""
    wanted = {
        fact.scope
        for fact in facts
        if isinstance(fact, BodyEnded)
        and _kind(opened.draft, fact) in ("group", "loop", "state_machine")
    }
    if not wanted:
        return {}
    here = {
        scope_id: (ended.output, ended.row.values)
        for scope_id in wanted
        if (ended := opened.others.get(scope_id)) is not None and ended.has_output
    }
    wanted -= here.keys()
    if not wanted:
        return here
    cursor = cursor_open()
    cursor.execute(
        'SELECT id, output, "values" FROM workflows_app_scope WHERE id = ANY(%s)',
        [list(wanted)],
        prepare=True,
    )
    return here | {row[0]: (_load(row[1]), json.loads(row[2])) for row in cursor.fetchall()}


def transition_choose(opened: Opened, context: RunContext, fact: TriggerFired) -> TriggerFired:
    """Find the first transition of a trigger whose guard holds, and say what each guard gave."""
    status = opened.draft.by_id.get(fact.step_run)
    if status is None or not status.is_container or not status.progress:
        return fact
    node = opened.draft.node(status)
    present = status.progress["state"]
    shown = machine.variables(status, node.settings["states"])
    shown["event"] = {"type": fact.trigger, "data": fact.data}
    guards: list[JSON] = []
    for transition in node.settings["transitions"]:
        sources = transition["from"]
        fits = present in ([sources] if isinstance(sources, str) else sources)
        if not fits or transition["trigger"] != fact.trigger:
            continue
        guard = transition.get("guard")
        result: JSON = True
        if guard:
            try:
                result = _condition(opened, context, guard, **shown)
            except ExpressionError as error:
                result = f"error: {error.message}"
            guards.append({"guard": guard, "result": result, "to": transition["to"]})
        if result is True:
            return replace(fact, chosen={"to": transition["to"], "guards": guards})
    return fact


def _load(text: str | None) -> JSON:
    return None if text is None else json.loads(text)


def _kind(draft: Draft, fact: BodyEnded) -> str | None:
    status = draft.by_id.get(fact.step_run)
    return None if status is None else draft.node(status).kind.primitive


def _enrich(
    opened: Opened, context: RunContext, fact: BodyEnded, output: JSON, values: JSON
) -> BodyEnded:
    status = opened.draft.by_id[fact.step_run]
    node = opened.draft.node(status)
    if node.kind.primitive == "state_machine":
        return replace(fact, output=output, visit=values.get("visit"))
    if node.kind.primitive != "loop" or fact.outcome != "done" or fact.is_cancelled:
        return replace(fact, output=output)
    following = _following(opened, context, status, node, fact.position, output)
    return replace(fact, output=output, following=following)


def _following(
    opened: Opened,
    context: RunContext,
    status: StepDraft,
    node: Node,
    position: int,
    output: JSON,
) -> JSON:
    """Tell what a loop does after an iteration: its next values, or the port it ends by."""
    progress = status.progress or {}
    previous = output if output is not None else {}
    upcoming = {"iteration": position + 1, "previous": previous}
    try:
        if until := node.settings.get("until"):
            held = _condition(opened, context, until, output=output, iteration=position)
            if held:
                return {"port": "done"}
        condition = node.settings.get("while")
        if condition and not _condition(opened, context, condition, **upcoming):
            return {"port": "done"}
    except ExpressionError as error:
        return {"error": [error.code, error.message]}
    if progress.get("has_items"):
        items = _items(status)
        if position + 1 >= len(items):
            return {"port": "done"}
        upcoming |= {"item": items[position + 1], "index": position + 1}
    if position + 1 >= int(progress["limit"]):
        return {"port": "exhausted"}
    return {"next": upcoming}


def _items(status: StepDraft) -> list[JSON]:
    """Give what a loop goes through; one that opened in this transaction is in memory only."""
    if status.has_input:
        return list(status.input["items"])
    cursor = cursor_open()
    cursor.execute(
        "SELECT input FROM workflows_app_steprun WHERE id = %s", [status.id], prepare=True
    )
    row = cursor.fetchone()
    return list(_load(row[0])["items"]) if row else []


def _condition(opened: Opened, context: RunContext, source: str, **variables: JSON) -> bool:
    setting = opened.setting(context)
    condition = condition_of(source)
    results = results_here(opened, context, condition.refs)
    return bool(condition.evaluate(values_build(setting, condition.refs, results, **variables)))


__all__ = ["bodies_enrich", "body_output", "last_output", "map_items"]
