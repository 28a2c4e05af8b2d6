"""Bodies and their results: what a scope gives, and what a loop does next.

The conditions of containers are evaluated under the container scope's lock, because only then
are their inputs known; the expression budget bounds how long that takes
(docs/adr/0003-conditions-under-the-lock.md).
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any
from uuid import UUID

from workflows_app.core.engine import machine
from workflows_app.core.engine.draft import MORE, Draft, StepDraft
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import BodyEnded, EventArrived, Fact, TimerFired, TriggerFired
from workflows_app.core.graph import Graph, Node, ports_taken
from workflows_app.core.states import StepState
from workflows_app.services.batch import Opened
from workflows_app.services.context import RunContext
from workflows_app.services.rows import cursor_open
from workflows_app.services.values import (
    Place,
    Result,
    condition_of,
    draft_results,
    result_of,
    results_load,
    results_overlay,
    value_of,
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
    results = _results(opened, context, condition.refs)
    return bool(condition.evaluate(values_build(setting, condition.refs, results, **variables)))


def _results(opened: Opened, context: RunContext, refs: frozenset[str]) -> dict[Place, Result]:
    here = draft_results(opened.draft, opened.row.id, refs)
    places = opened.setting(context).places(refs).values()
    loaded = results_load(place for place in places if place not in here)
    return results_overlay(opened.draft, opened.row.id, refs, loaded)


def body_output(opened: Opened, context: RunContext) -> JSON:
    """Give what a finished body gives: its `output`, or that of its last step or steps.

    Raises:
        ExpressionError: `output` could not be evaluated.
    """
    graph = opened.draft.graph
    ended_by = [
        status
        for status in opened.draft.steps.values()
        if graph.nodes[status.step].kind.name == "end" and status.port is not None
    ]
    if ended_by and graph.nodes[ended_by[0].step].settings.get("value") is not None:
        return _step_output(opened, ended_by[0])
    if graph.output is not None:
        rendered = value_of(graph.output)
        results = _results(opened, context, rendered.refs)
        setting = opened.setting(context)
        return rendered.evaluate(values_build(setting, rendered.refs, results))
    return _last_output(opened, context, graph)


def _step_output(opened: Opened, status: StepDraft) -> JSON:
    if status.has_output:
        return status.output
    place = (opened.row.id, status.step)
    return results_load([place])[place].output


def _last_output(opened: Opened, context: RunContext, graph: Graph) -> JSON:
    """The last step's output, or an object by id when several end the body."""
    taken = [
        step
        for step in graph.order
        if (status := opened.draft.steps.get(step)) is not None
        and status.port is not None
        and status.state in (StepState.SUCCEEDED, StepState.SKIPPED)
        and not any(map(graph.nodes[step].outgoing.get, ports_taken(status.port)))
    ]
    results = _results(opened, context, frozenset(taken))
    if len(graph.leaves) == 1 or len(taken) == 1:
        return results[opened.row.id, taken[0]].output if taken else None
    return {step: results[opened.row.id, step].output for step in taken}


def map_items(opened: Opened, container: UUID) -> list[JSON]:
    """Give the outputs of a map's items in their order; a failed one is null.

    Items that ended in this very transaction are in memory only.
    """
    cursor = cursor_open()
    cursor.execute(
        "SELECT id, position, output FROM workflows_app_scope"
        " WHERE container_id = %s AND kind <> 'undo'",
        [container],
        prepare=True,
    )
    here = {
        scope_id: (one.row.position, one.output)
        for scope_id, one in opened.others.items()
        if one.row.container_id == container and (one.has_output or one.is_new)
    }
    stored = {
        scope_id: (position, _load(output))
        for scope_id, position, output in cursor.fetchall()
        if scope_id not in here
    }
    return [output for _position, output in sorted((stored | here).values(), key=itemgetter(0))]


def last_output(opened: Opened, container: UUID) -> JSON:
    """Give what the last finished iteration of a loop gave; null before the first has."""
    cursor = cursor_open()
    cursor.execute(
        "SELECT position, output FROM workflows_app_scope WHERE container_id = %s"
        " AND state = 'ended' AND output IS NOT NULL AND kind <> 'undo'"
        " ORDER BY position DESC LIMIT 1",
        [container],
        prepare=True,
    )
    ended = [(position, _load(output)) for position, output in cursor.fetchall()]
    ended += [
        (one.row.position or 0, one.output)
        for one in opened.others.values()
        if one.row.container_id == container and one.has_output and one.output is not None
    ]
    return max(ended, key=itemgetter(0))[1] if ended else None


__all__ = ["bodies_enrich", "body_output", "last_output", "map_items", "result_of"]
