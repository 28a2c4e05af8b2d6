"""What the outline shows: the tree of steps, and what can be done with the chosen one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows_app.builder.outline_states import state_note
from workflows_app.builder.palette import palette
from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.bodies import BodyAt, bodies_of, step_find
from workflows_app.core.definition.ports import connection_refusal, ports_of
from workflows_app.views.looks import humanise
from workflows_app.views.outline import in_order, outline

JSON = Any


@dataclass
class Line:
    """One step of the tree with the bodies inside it."""

    path: str
    id: str
    kind: str
    name: str
    summary: str
    ways: list[tuple[str, str]]
    level: int = 1
    errors: int = 0
    warnings: int = 0
    is_chosen: bool = False
    bodies: list["Branch"] = field(default_factory=list)


@dataclass
class Branch:
    """One body of the tree; `name` says which where a step has several."""

    path: str
    name: str
    lines: list[Line]
    level: int = 0  # of a state's own line
    note: str = ""
    is_chosen: bool = False


@dataclass(frozen=True)
class Choice:
    """An option of a select: what is sent, what is shown, and why it is not to be had."""

    value: str
    text: str
    reason: str = ""
    is_default: bool = False


@dataclass
class Chosen:
    """The chosen step, its connections, and the choices of its forms."""

    path: str
    id: str
    kind: str
    name: str
    body: str
    ports: list[Choice]
    onward: list[tuple[str, str]]  # port, step
    inward: list[tuple[str, str]]  # step, port
    targets: list[Choice]
    places: list[Choice]  # of the same body: step.port to follow
    containers: list[Choice]
    inner: list[Branch]
    problems: list[dict[str, JSON]]


def tree(definition: Mapping[str, JSON], problems: list[dict[str, JSON]], chosen: str) -> Branch:
    """Give the workflow as nested branches, in the order in which steps can come."""
    by_step: dict[str, list[str]] = {}
    for problem in problems:
        by_step.setdefault(str(problem["step"]), []).append(problem["severity"])
    inner: dict[str, list[BodyAt]] = {}
    root, *rest = bodies_of(definition)
    for body in rest:
        inner.setdefault(body.step, []).append(body)

    def branch(body: BodyAt, level: int) -> Branch:
        return Branch(
            path=body.path,
            name=humanise(body.name),
            lines=list(lines(body, level + 1 if body.name else level)),
            level=level,
            note=state_note(definition, body) if body.name else "",
            is_chosen=bool(body.path) and body.path == chosen,
        )

    def lines(body: BodyAt, level: int) -> Iterator[Line]:
        entries = outline(dict(body.body), body.path)
        order = {name: place for place, name in enumerate(in_order(entries))}
        for entry in sorted(entries, key=lambda one: order[one.id]):
            found = by_step.get(entry.path, [])
            yield Line(
                path=entry.path,
                id=entry.id,
                kind=entry.kind,
                name=entry.name,
                summary=entry.summary,
                ways=[(way.port, way.to) for way in entry.exits],
                errors=found.count("error"),
                warnings=found.count("warning"),
                level=level,
                is_chosen=entry.path == chosen,
                bodies=[branch(one, level + 1) for one in inner.get(entry.path, [])],
            )

    return branch(root, 1)


def chosen_step(
    definition: Mapping[str, JSON], path: str, problems: list[dict[str, JSON]]
) -> Chosen | None:
    """Give the chosen step with all that its forms offer, or None where there is none."""
    found = step_find(definition, path)
    if found is None:
        return None
    at, step = found
    name, edges, ports = step["id"], at.edges(), ports_of(step)
    others = [one for one in at.steps() if one["id"] != name]
    free = next((port for port in ports if not _leads(edges, name, port)), "done")
    bodies = bodies_of(definition)
    return Chosen(
        path=path,
        id=name,
        kind=str(step.get("kind", "")),
        name=str(step.get("name") or humanise(name)),
        body=at.path,
        ports=[
            Choice(port, _port_text(edges, name, port), is_default=port == free) for port in ports
        ],
        onward=[(port, target) for source, port, target in edges if source == name],
        inward=[(source, port) for source, port, target in edges if target == name],
        targets=[_target(at, name, ports, one["id"]) for one in others],
        places=[
            Choice(f"{one['id']}.{port}", f"{one['id']} · {humanise(port)}")
            for one in others
            for port in ports_of(one)
        ],
        containers=[
            Choice(f"/{body.path}", _body_text(body))
            for body in bodies
            if body.path not in (at.path, path) and not body.path.startswith(f"{path}.")
        ],
        inner=[Branch(one.path, humanise(one.name), []) for one in bodies if one.step == path],
        problems=[one for one in problems if one["step"] == path],
    )


def kind_choices(context: CheckContext) -> list[tuple[str, list[dict[str, JSON]]]]:
    """Give the kinds in their groups, as the palette has them."""
    return [(group["group"], group["kinds"]) for group in palette(context)]


def _leads(edges: list[tuple[str, str, str]], step: str, port: str) -> bool:
    return any(edge[:2] == (step, port) for edge in edges)


def _port_text(edges: list[tuple[str, str, str]], step: str, port: str) -> str:
    targets = [target for source, name, target in edges if (source, name) == (step, port)]
    return f"{humanise(port)} (leads to {', '.join(targets)})" if targets else humanise(port)


def _target(at: BodyAt, source: str, ports: list[str], target: str) -> Choice:
    """Offer a target that any port may lead to; else say why none may."""
    refusals = [connection_refusal(at.body, source, port, target) for port in ports]
    if any(refusal is None for refusal in refusals):
        return Choice(target, humanise(target))
    first = next((refusal for refusal in refusals if refusal is not None), None)
    return Choice(target, humanise(target), first[1] if first else "It has no ports.")


def _body_text(body: BodyAt) -> str:
    if not body.path:
        return "The workflow itself"
    return f"{humanise(body.step)}: {humanise(body.name)}" if body.name else humanise(body.step)
