"""A changed plan: what a person wants of steps that have not started, checked and expanded.

The settings are checked where they stand, in the definition of the version: expressions, tools,
models and guardrails as at publishing. Then they are expanded as at publishing, so that what
runs is what the same settings in a version would have been.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from workflows_app.core.changes import has_same_shape, step_with, steps_by_body
from workflows_app.core.definition import Problem
from workflows_app.core.graph import Graph
from workflows_app.core.kinds import kind_get
from workflows_app.models import Scope, WorkflowVersion
from workflows_app.services.context import version_context
from workflows_app.services.versions import definition_validate

JSON = Any
MOST = 20  # problems told at once


def step_written(version: WorkflowVersion, scope: Scope, step: str) -> Mapping[str, JSON] | None:
    """Give a step of a scope as its author wrote it; None where only an expansion made it."""
    found = steps_by_body(version.definition).get(scope.body, {}).get(step)
    if found is not None:
        return found
    spec = _graph(version, scope).nodes[step].spec
    return None if "origin" in spec else spec


def changes_problems(
    version: WorkflowVersion, scope: Scope, sets: Mapping[str, JSON]
) -> list[dict[str, JSON]]:
    """Say what is wrong with new settings of steps of a scope; `pointer` leads into the answer."""
    problems: list[dict[str, JSON]] = []
    for step, settings in sets.items():
        pointer = f"/changes/set/{step}"
        written = step_written(version, scope, step)
        if not isinstance(settings, Mapping):
            problems.append(_problem(pointer, "settings", "settings are an object"))
        elif written is None:
            text = f"{step} is made by the step around it and cannot be given other settings"
            problems.append(_problem(pointer, "not_changeable", text))
        else:
            problems += _found_wrong(version, scope, step, written, settings, pointer)
    return problems[:MOST]


def changes_expanded(
    version: WorkflowVersion, scope: Scope, sets: Mapping[str, JSON]
) -> dict[str, JSON]:
    """Give the changed steps as the engine runs them, by id; they were checked before."""
    graph = _graph(version, scope)
    made = {}
    for step, settings in sets.items():
        written = step_written(version, scope, step) or graph.nodes[step].spec
        fresh = step_with(written, settings)
        when = graph.nodes[step].spec.get("when")
        made[step] = {**fresh, "when": when} if when else fresh
    return made


def _found_wrong(
    version: WorkflowVersion,
    scope: Scope,
    step: str,
    written: Mapping[str, JSON],
    settings: Mapping[str, JSON],
    pointer: str,
) -> Iterable[dict[str, JSON]]:
    changed = copy.deepcopy(version.definition)
    place = steps_by_body(changed).get(scope.body, {}).get(step)
    if place is None:  # in a plan that a model wrote: only its own settings can be checked
        try:
            kind_get(str(written["kind"])).settings.model_validate(settings)
        except ValidationError as error:
            return [_problem(pointer, "settings", found["msg"]) for found in error.errors()]
    else:
        place["with"] = dict(settings)
        known = {(one.code, one.pointer) for one in _errors(version, version.definition)}
        errors = _errors(version, changed)
        if new := [one for one in errors if (one.code, one.pointer) not in known]:
            return [_problem(pointer + _inner(one.pointer), one.code, one.message) for one in new]
    before, after = step_with(written, written.get("with") or {}), step_with(written, settings)
    if not has_same_shape(before, after):
        text = f"the steps inside {step} stay as they are; their own settings may change"
        return [_problem(pointer, "body_changed", text)]
    return []


def _errors(version: WorkflowVersion, definition: JSON) -> list[Problem]:
    checked = definition_validate(definition=definition, workflow=version.workflow)
    return [problem for problem in checked.problems if problem.severity == "error"]


def _inner(pointer: str) -> str:
    """Give the part of a pointer into a definition that lies inside the step's settings."""
    _, _, inner = pointer.partition("/with")
    return inner


def _graph(version: WorkflowVersion, scope: Scope) -> Graph:
    if scope.override is not None:
        return Graph(scope.body, scope.override)
    return version_context(version.pk).graphs[scope.body]


def _problem(pointer: str, code: str, message: str) -> dict[str, JSON]:
    return {"pointer": pointer, "code": code, "message": message}
