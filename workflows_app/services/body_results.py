"""What a scope gives as it ends, and what the bodies of a map or a loop gave so far.

Some of it is in no row yet: bodies that end in the very transaction are in memory only.
"""

import json
from operator import itemgetter
from typing import Any
from uuid import UUID

from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.graph import Graph, ports_taken
from workflows_app.core.states import StepState
from workflows_app.services.batch import Opened
from workflows_app.services.context import RunContext
from workflows_app.services.rows import cursor_open
from workflows_app.services.values import (
    Place,
    Result,
    draft_results,
    results_load,
    results_overlay,
    value_of,
    values_build,
)

JSON = Any


def results_here(opened: Opened, context: RunContext, refs: frozenset[str]) -> dict[Place, Result]:
    """Give what these steps left behind, as this very transaction leaves them."""
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
        results = results_here(opened, context, rendered.refs)
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
    results = results_here(opened, context, frozenset(taken))
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


def _load(text: str | None) -> JSON:
    return None if text is None else json.loads(text)
