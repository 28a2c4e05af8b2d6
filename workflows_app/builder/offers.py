"""What a field of the builder may choose from, and what its expressions may name."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from workflows_app.builder.forms.nodes import Offers
from workflows_app.builder.palette import is_offered, label_of
from workflows_app.builder.studies import study_of
from workflows_app.core.definition import CheckContext
from workflows_app.core.kinds import kinds
from workflows_app.models import Workflow

JSON = Any
DEPTH = 3  # of fields that are offered
MOST = 200  # variables that are offered
RUN_FIELDS = ("id", "number", "mode", "workflow", "version", "started_by")


def offers_for(context: CheckContext) -> Offers:
    """Give the choices for the fields of a step."""
    return Offers(
        models=tuple(sorted(context.models or ())),
        tools={name: facts.input for name, facts in sorted((context.tools or {}).items())},
        workflows=tuple(sorted(context.workflows or ())),
        people=(
            *(f"group:{name}" for name in sorted(context.groups or ())),
            *(f"user:{name}" for name in sorted(context.users or ())),
        ),
        people_notes={
            f"group:{name}": f"{len(members)} {'person' if len(members) == 1 else 'people'}"
            for name, members in (context.groups or {}).items()
        },
        kinds=tuple((name, label_of(name)) for name, kind in kinds().items() if is_offered(kind)),
    )


def variables_for(workflow: Workflow, path: str, context: CheckContext) -> list[str]:
    """Give the paths that expressions of a step may read, the nearest first."""
    return list(islice(_variables(workflow, path, context), MOST))


def _variables(workflow: Workflow, path: str, context: CheckContext) -> Iterator[str]:
    draft, names = workflow.draft, study_of(workflow, context).names.get(path)
    yield from _fields("input", draft.get("input"), DEPTH)
    if names is None:
        return
    outputs = _outputs(draft, context)
    for step in sorted(names.before):
        yield from _fields(f"steps.{step}.output", outputs.get(step), DEPTH)
        yield f"steps.{step}.state"
    yield from sorted(names.variables - {"steps", "input", "run"})
    yield from (f"run.{name}" for name in RUN_FIELDS)


def _fields(name: str, schema: JSON, depth: int) -> Iterator[str]:
    yield name
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if depth and isinstance(properties, Mapping):
        for key, field in properties.items():
            if isinstance(key, str) and key.isidentifier():
                yield from _fields(f"{name}.{key}", field, depth - 1)


def _outputs(value: JSON, context: CheckContext) -> dict[str, JSON]:
    """Give the schema of each step's output, where it is known."""
    found: dict[str, JSON] = {}
    for step in _steps(value):
        settings = step.get("with")
        held = settings if isinstance(settings, Mapping) else {}
        tool = (context.tools or {}).get(str(held.get("tool")))
        schema = _OF_KIND.get(str(step.get("kind")))
        if step.get("kind") == "tool" and tool is not None:
            schema = tool.output if isinstance(tool.output, Mapping) else None
        elif isinstance(held.get("output"), Mapping):
            schema = held["output"]
        found[str(step.get("id"))] = schema
    return found


def _steps(value: JSON) -> Iterator[Mapping[str, JSON]]:
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str) and isinstance(value.get("kind"), str):
            yield value
        for item in value.values():
            yield from _steps(item)
    elif isinstance(value, list):
        for item in value:
            yield from _steps(item)


def _object(*names: str) -> dict[str, JSON]:
    return {"properties": {name: {} for name in names}}


_OF_KIND: dict[str, JSON] = {
    "router": _object("label", "confidence"),
    "decision": _object("ports", "evaluated"),
    "approval": _object("decision", "by", "reason", "arguments", "label", "output"),
    "checkpoint": _object("decision", "by", "reason", "changes"),
    "map": _object("items", "total", "processed", "failed"),
    "loop": _object("iterations", "last"),
    "state_machine": _object("state", "visits"),
    "fallback": _object("source", "output"),
    "consensus": _object("answer", "votes"),
    "escalation": _object("tier", "output", "attempts"),
    "plan": _object("results", "plan"),
    "supervisor": _object("answer", "results"),
    "publish": _object("id"),
    "wait": _object("id", "type", "source", "subject", "data", "time"),
}
