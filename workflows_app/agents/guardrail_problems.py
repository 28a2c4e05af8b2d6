"""What is wrong with the guardrails of a definition: unsound ones, and those that never run."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from workflows_app.agents.core.guardrails import AROUND_A_STEP, SUPPORTED
from workflows_app.agents.steps.guardrail_settings import guardrail_models
from workflows_app.core.definition import Problem
from workflows_app.core.kinds import kinds
from workflows_app.services.guardrails import ALWAYS_BEFORE

JSON = Any
_BOXES = frozenset({"group", "map", "loop", "workflow", "state_machine"})
_MODELS = guardrail_models()


def guardrail_problems(document: Mapping[str, JSON]) -> Iterator[Problem]:
    """Give the problems of every guardrail, at every level of the document."""
    yield from _rails(document.get("guardrails"), "/guardrails", None, AROUND_A_STEP | {"budget"})
    yield from _within(document, "", ())


def _within(value: JSON, pointer: str, path: tuple[str, ...]) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, f"{pointer}/{index}", path)
    elif isinstance(value, Mapping):
        is_step = isinstance(value.get("kind"), str) and isinstance(value.get("id"), str)
        inner = (*path, value["id"]) if is_step else path
        if is_step:
            yield from _step(value, pointer, ".".join(inner))
        for key, item in value.items():
            if key not in ("layout", "guardrails", "checks"):
                yield from _within(item, f"{pointer}/{key}", inner)


def _step(step: Mapping[str, JSON], pointer: str, path: str) -> Iterator[Problem]:
    kind, settings = kinds().get(step["kind"]), step.get("with")
    runs = set(AROUND_A_STEP)
    if step["kind"] == "agent":
        runs.add("repeats")
    yield from _rails(step.get("guardrails"), f"{pointer}/guardrails", path, frozenset(runs))
    if step["kind"] == "guard" and isinstance(settings, Mapping):
        checks = settings.get("checks")
        yield from _rails(checks, f"{pointer}/with/checks", path, SUPPORTED, is_checked=True)
    is_box = kind is not None and (kind.primitive in _BOXES or kind.primitive is None)
    if is_box and step["kind"] != "agent":
        yield from _after_a_box(step, pointer, path)


def _rails(
    rails: JSON, pointer: str, path: str | None, runs: frozenset[str], *, is_checked: bool = False
) -> Iterator[Problem]:
    for index, rail in enumerate(rails if isinstance(rails, list) else ()):
        where, name = f"{pointer}/{index}", rail.get("check") if isinstance(rail, Mapping) else None
        model = _MODELS.get(str(name))
        if model is None:
            known = ", ".join(sorted(_MODELS))
            yield _problem("unknown_guardrail", path, where, f"there is no such check; use {known}")
            continue
        if name not in runs:
            message = f"the check {name} does not run here yet: take it out, or use another"
            yield _problem("guardrail_not_run", path, f"{where}/check", message)
        if not is_checked:
            yield from _shape(model, rail, where, path)


def _shape(model: Any, rail: Mapping[str, JSON], where: str, path: str | None) -> Iterator[Problem]:
    try:
        model.model_validate(rail)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            place = "/".join(str(part) for part in one["loc"])
            yield _problem("bad_guardrail", path, f"{where}/{place}", one["msg"])


def _after_a_box(step: Mapping[str, JSON], pointer: str, path: str) -> Iterator[Problem]:
    """What a box gives is put together by the engine: check it in a step after the box."""
    rails = step.get("guardrails")
    for index, rail in enumerate(rails if isinstance(rails, list) else ()):
        if not isinstance(rail, Mapping) or rail.get("check") in ALWAYS_BEFORE:
            continue
        if (rail.get("at") or "after") != "before":
            message = "on a box it only runs before: check the output with a guard after the box"
            yield _problem("guardrail_not_run", path, f"{pointer}/guardrails/{index}/at", message)


def _problem(code: str, step: str | None, pointer: str, message: str) -> Problem:
    return Problem("error", code, step, pointer, message)
