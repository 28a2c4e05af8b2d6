"""Results that `cache` lets a later step use instead of doing the same again.

Of a step with a body the same means: the same body, over the same values. What people answered,
what an event brought and what had an effect is never used again, at any depth.
"""

from dataclasses import replace
from typing import Any

from workflows_app.core.canonical import digest
from workflows_app.core.expressions.rendering import expression_refs
from workflows_app.core.graph import Graph, body_key
from workflows_app.core.kinds import Done
from workflows_app.core.states import Effect
from workflows_app.services.cache import cache_digest, cache_get, cache_put
from workflows_app.services.prepared import Prepared, opens_body
from workflows_app.services.rows import cursor_open
from workflows_app.services.values import results_load, value_of, values_build

JSON = Any


def may_be_kept(prepared: Prepared) -> bool:
    """Tell whether the result of a step may be used again, as far as is known before it acts."""
    claim = prepared.claim
    return (
        bool(claim.node.spec.get("cache"))
        and prepared.effect is Effect.NONE
        and claim.node.kind.primitive not in ("wait", "workflow", "state_machine")
        and claim.feedback is None  # it was sent back: another result is wanted
    )


def kept_get(prepared: Prepared) -> Prepared | None:
    """Give the step with the result of the same one before, if there is a fresh one."""
    claim = prepared.claim
    found = cache_get(
        workspace_id=claim.context.workspace_id,
        key=_key(prepared),
        setting=claim.node.spec["cache"],
    )
    if found is None:
        return None
    prepared.result, prepared.kept_from = Done(output=found[0]), found[1]
    return prepared


def kept_put(prepared: Prepared, result: Done) -> None:
    """Keep a result that may be used again."""
    claim = prepared.claim
    if result.port != "done" or not may_be_kept(prepared):
        return
    if opens_body(claim.node) and _touched_others(prepared):
        return
    cache_put(
        workspace_id=claim.context.workspace_id,
        key=_key(prepared),
        output=result.output,
        run_id=claim.run_id,
        path=claim.path,
    )


def _key(prepared: Prepared) -> str:
    """Name the same thing done in the same way: a rehearsal never answers a live run."""
    call, is_box = prepared.call, opens_body(prepared.claim.node)
    settings = {name: value for name, value in call.settings.items() if name != "body"}
    action = prepared.claim.node.kind.action(replace(call, settings=settings) if is_box else call)
    return digest(
        {
            "step": cache_digest(action),
            "mode": [call.mode, call.uses_stand_in],
            **(_seen(prepared) if is_box else {"models": _models(prepared)}),
        }
    )


def _models(prepared: Prepared) -> dict[str, JSON]:
    """Give the ids behind the roles of the models that a call names."""
    settings = prepared.call.settings
    more = settings.get("fallback_models")
    named = [settings.get("model"), *(more if isinstance(more, list) else ())]
    pinned = prepared.call.pins.get("models") or {}
    return {role: pinned[role] for role in pinned if role in named}


def _seen(prepared: Prepared) -> dict[str, JSON]:
    """Give the bodies of a step, and all that the expressions in them may see."""
    claim = prepared.claim
    graphs = _graphs(prepared)
    refs: set[str] = set()
    for graph in graphs.values():
        for node in graph.nodes.values():
            refs |= expression_refs(node.spec, node.kind)
        refs |= value_of(graph.output).refs if graph.output is not None else set()
    refs -= {name for graph in graphs.values() for name in graph.nodes}
    results = results_load(claim.setting.places(refs).values())
    values = values_build(claim.setting, refs, results)
    seen = {name: value for name, value in values.items() if name not in ("run", "input")}
    return {
        "bodies": {key: graph.body for key, graph in graphs.items()},
        "pins": {name: prepared.call.pins.get(name) for name in ("models", "tools")},
        "input": claim.context.load_input(),
        "sees": seen,
    }


def _graphs(prepared: Prepared) -> dict[str, Graph]:
    """Give the bodies of a step, at any depth, by their keys."""
    own = body_key(prepared.claim.setting.body, prepared.claim.node.id)
    return {
        key.removeprefix(own): graph
        for key, graph in prepared.claim.context.version.graphs.items()
        if key == own or key.startswith((f"{own}/", f"{own}."))
    }


_TOUCHED = """
WITH RECURSIVE bodies AS (
  SELECT id FROM workflows_app_scope WHERE container_id = %(step_run)s
  UNION
  SELECT inner_one.id FROM bodies
  JOIN workflows_app_steprun held ON held.scope_id = bodies.id
  JOIN workflows_app_scope inner_one ON inner_one.container_id = held.id
), inside AS (
  SELECT s.effect, s.kind, s.path FROM workflows_app_steprun s
  WHERE s.scope_id IN (SELECT id FROM bodies)
)
SELECT EXISTS (SELECT 1 FROM workflows_app_scope WHERE container_id = %(step_run)s
               AND override IS NOT NULL)
  OR EXISTS (SELECT 1 FROM inside WHERE effect <> 'none' OR kind = 'workflow')
  OR EXISTS (SELECT 1 FROM workflows_app_runevent e WHERE e.run_id = %(run)s
             AND e.type IN ('approval.requested', 'event.consumed')
             AND e.path IN (SELECT path FROM inside))
"""


def _touched_others(prepared: Prepared) -> bool:
    """Tell whether anything inside had an effect, asked people, or took an event."""
    cursor = cursor_open()
    given = {"step_run": prepared.claim.id, "run": prepared.claim.run_id}
    row = cursor.execute(_TOUCHED, given).fetchone()
    return bool(row and row[0])
