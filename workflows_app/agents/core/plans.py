"""Plans that a model writes: what is wrong with one, and what of it can run now.

A plan is `{steps: [{id, worker, input, depends_on}]}`. Its inputs are data: nothing in them is
ever evaluated. Results are `{id: {worker, output, error}}`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from workflows_app.agents.core.schemas import schema_problem

JSON = Any
MAX_STEPS = 50
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")


def plan_schema(workers: Sequence[str]) -> dict[str, JSON]:
    """Give the schema of a plan for these workers."""
    step = {
        "type": "object",
        "required": ["id", "worker", "input"],
        "properties": {
            "id": {"type": "string", "description": "a short name, unique in the plan"},
            "worker": {"type": "string", "enum": list(workers)},
            "input": {"type": "object", "description": "what the worker needs, as plain values"},
            "depends_on": {
                "type": "array",
                "items": {"type": "string"},
                "description": "ids of the steps whose results this one needs",
            },
        },
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "required": ["steps"],
        "properties": {"steps": {"type": "array", "minItems": 1, "items": step}},
        "additionalProperties": False,
    }


def plan_problems(
    plan: JSON,
    workers: Mapping[str, Mapping[str, JSON]],
    *,
    forbid: Sequence[str] = (),
    finished: Mapping[str, JSON] | None = None,
) -> list[str]:
    """Give everything that is wrong with a plan, in sentences for the model.

    Args:
        workers: `{name: {"about", "input": schema or None, "tools": [name]}}`.
        forbid: names of workers and tools that no plan may use.
        finished: results of earlier plans, which a step may depend on.
    """
    if problem := schema_problem(plan, plan_schema(list(workers))):
        return [problem]
    steps = plan["steps"]
    problems = [f"the plan has more than {MAX_STEPS} steps"] if len(steps) > MAX_STEPS else []
    names = [step["id"] for step in steps]
    problems += [f"two steps are called {name}" for name in set(names) if names.count(name) > 1]
    known = {*names, *(finished or {})}
    for step in steps:
        problems += _step_problems(step, workers[step["worker"]], known, set(forbid))
    return problems or _circle(steps)


def _step_problems(
    step: Mapping[str, JSON], worker: Mapping[str, JSON], known: set[str], forbid: set[str]
) -> list[str]:
    name, problems = step["id"], []
    if not _ID.fullmatch(name):
        problems.append(f"{name!r} is no id: use letters, digits and _")
    problems += [
        f"{name} depends on {other}, which is not in the plan"
        for other in step.get("depends_on") or ()
        if other not in known
    ]
    used = forbid & {step["worker"], *(worker.get("tools") or ())}
    problems += [f"{name} uses {one}, which is forbidden" for one in sorted(used)]
    schema = worker.get("input")
    if schema and (problem := schema_problem(step["input"], schema)):
        problems.append(f"the input of {name} breaks what {step['worker']} takes: {problem}")
    return problems


def _circle(steps: Sequence[Mapping[str, JSON]]) -> list[str]:
    names = {step["id"] for step in steps}
    graph = {
        step["id"]: [other for other in step.get("depends_on") or () if other in names]
        for step in steps
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"these steps wait for each other: {' -> '.join(error.args[1])}"]
    return []


def plan_ready(plan: Mapping[str, JSON], results: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """Give the steps that can run now: `[{id, worker, input, earlier}]`.

    `earlier` holds the outputs that a step depends on. What depends on a failure never runs.
    """
    return [
        {
            "id": step["id"],
            "worker": step["worker"],
            "input": step["input"],
            "earlier": {name: results[name].get("output") for name in _needs(step)},
        }
        for step in plan["steps"]
        if step["id"] not in results and all(_is_good(results.get(name)) for name in _needs(step))
    ]


def _needs(step: Mapping[str, JSON]) -> list[str]:
    return list(step.get("depends_on") or ())


def _is_good(result: JSON) -> bool:
    return isinstance(result, Mapping) and not result.get("error")


def results_add(
    results: Mapping[str, JSON], items: Sequence[Mapping[str, JSON]]
) -> dict[str, JSON]:
    """Give the results with those of finished items."""
    fresh = {
        item["id"]: {
            "worker": item["worker"],
            "output": item.get("output"),
            "error": item.get("error"),
        }
        for item in items
        if item is not None
    }
    return {**results, **fresh}


def outputs_of(results: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the outputs alone by id; null for what failed."""
    return {name: result.get("output") for name, result in results.items()}


def results_told(results: Mapping[str, JSON]) -> str:
    """Give results as a model reads them."""
    return json.dumps(results, ensure_ascii=False, indent=1)


def workers_told(workers: Mapping[str, Mapping[str, JSON]]) -> str:
    """Give the workers as a model reads them: name, what it does, what it takes."""
    lines = []
    for name, worker in workers.items():
        takes = worker.get("input")
        takes = f" Input: {json.dumps(takes, ensure_ascii=False)}" if takes else ""
        lines.append(f"- {name}: {worker.get('about') or 'no description'}.{takes}")
    return "\n".join(lines)
