"""The values that expressions see: loaded for exactly the steps that they name."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.expressions import Condition, compile_condition, compile_value
from workflows_app.core.expressions.rendering import ALWAYS
from workflows_app.core.graph import Graph
from workflows_app.services.context import RunContext
from workflows_app.services.rows import cursor_open

JSON = Any
Place = tuple[UUID, str]  # scope, step


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a step stands: its scope with the scopes around it, from the root inwards."""

    context: RunContext
    scope_id: UUID
    ancestors: tuple[UUID, ...]
    body: str
    graph: Graph
    values: JSON

    def places(self, refs: Collection[str]) -> dict[str, Place]:
        """Find each named step: in the scope itself, else in the nearest one around it."""
        found: dict[str, Place] = {}
        missing = set(refs)
        levels = self.levels()
        for scope_id, graph in reversed(levels):
            here = {ref for ref in missing if ref in graph.nodes}
            found |= {ref: (scope_id, ref) for ref in here}
            missing -= here
        return found

    def takes_error(self, step: str) -> bool:
        """Tell whether a way leads on from an error of this step, or of what it stands in."""
        parts = self.body.split("/") if self.body else []
        inner = [part.partition(".")[0] for part in parts[: len(self.ancestors)]]
        return any(
            "error" in graph.nodes[name].outgoing
            for (_, graph), name in zip(self.levels(), [*inner, step], strict=True)
            if name in graph.nodes
        )

    def levels(self) -> list[tuple[UUID, Graph]]:
        """Give the scopes around the step with their graphs, from the root inwards."""
        parts = self.body.split("/") if self.body else []
        graphs = self.context.version.graphs
        outer = [graphs["/".join(parts[:depth])] for depth in range(len(self.ancestors))]
        return [*zip(self.ancestors, outer, strict=True), (self.scope_id, self.graph)]


_OUTPUTS = """
SELECT s.scope_id, s.step, s.state, s.port, s.is_degraded, s.output, s.error
FROM workflows_app_steprun s
JOIN json_to_recordset(%s::json) AS d(scope_id uuid, step text)
  ON s.scope_id = d.scope_id AND s.step = d.step
WHERE s.is_current
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a step left behind."""

    state: str
    port: str | None
    is_degraded: bool
    output: JSON
    error: JSON

    @property
    def value(self) -> JSON:
        """The step as an expression sees it; what gave nothing has no `output`."""
        shown: dict[str, JSON] = {"state": self.state}
        if self.output is not None:
            shown["output"] = self.output
        if self.error is not None:
            shown["error"] = self.error
        return shown


def results_load(places: Iterable[Place]) -> dict[Place, Result]:
    """Read what these steps left behind, in one query."""
    wanted = list(dict.fromkeys(places))
    if not wanted:
        return {}
    cursor = cursor_open()
    rows = [{"scope_id": str(scope), "step": step} for scope, step in wanted]
    cursor.execute(_OUTPUTS, [json.dumps(rows)], prepare=True)
    return {
        (scope_id, step): Result(
            state,
            port,
            is_degraded,
            None if output is None else json.loads(output),
            None if error is None else json.loads(error),
        )
        for scope_id, step, state, port, is_degraded, output, error in cursor.fetchall()
    }


def result_of(status: StepDraft) -> Result:
    """Give what a step of a draft left behind in this very transaction."""
    return Result(status.state.value, status.port, status.is_degraded, status.output, status.error)


def values_build(
    setting: Setting, refs: Collection[str], results: dict[Place, Result], **more: JSON
) -> dict[str, JSON]:
    """Give the variables of an expression that names these steps."""
    steps = {}
    for ref, place in setting.places(refs).items():
        result = results.get(place)
        steps[ref] = result.value if result else {"state": "pending"}
    return {
        "input": setting.context.load_input,  # called only by an expression that names it
        "steps": steps,
        "run": setting.context.values,
        **(setting.values or {}),
        **more,
    }


def condition_of(source: str) -> Condition:
    """Give a compiled condition; what it may name was checked when its version was published."""
    return compile_condition(source, ALWAYS)


def value_of(value: JSON) -> Any:
    """Give a compiled value of a definition."""
    return compile_value(value, ALWAYS)


def draft_results(draft: Draft, scope_id: UUID, refs: Collection[str]) -> dict[Place, Result]:
    """Give results that are in memory; the rest is to be loaded."""
    return {
        (scope_id, ref): result_of(status)
        for ref in refs
        if (status := draft.steps.get(ref)) is not None and status.has_output
    }


def results_overlay(
    draft: Draft, scope_id: UUID, refs: Collection[str], loaded: Mapping[Place, Result]
) -> dict[Place, Result]:
    """Give loaded results as this very transaction leaves their steps: it is not written yet."""
    found = dict(loaded)
    for ref in refs:
        status, place = draft.steps.get(ref), (scope_id, ref)
        if status is None:
            continue
        now, before = result_of(status), loaded.get(place)
        output = now.output if status.has_output or before is None else before.output
        error = now.error if status.has_error or before is None else before.error
        found[place] = replace(now, output=output, error=error)
    return found
