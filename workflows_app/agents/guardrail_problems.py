"""What is wrong with the guardrails of a definition: unsound ones, and those that never run."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from workflows_app.agents.core.guardrails import AROUND_A_STEP, SUPPORTED
from workflows_app.agents.steps.guardrail_settings import guardrail_models
from workflows_app.core.definition import Problem
from workflows_app.services.guardrails import ALWAYS_BEFORE

JSON = Any
_EMPTY_HANDED = frozenset({"group", "state_machine", "fallback", "consensus", "escalation"})
_OF_CONTENT = frozenset({"personal_data", "patterns", "injection", "confidence", "volume"})
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
    settings = step.get("with")
    runs = set(AROUND_A_STEP)
    if step["kind"] == "agent":
        runs.add("repeats")
    yield from _rails(step.get("guardrails"), f"{pointer}/guardrails", path, frozenset(runs))
    if step["kind"] == "guard" and isinstance(settings, Mapping):
        checks = settings.get("checks")
        yield from _rails(checks, f"{pointer}/with/checks", path, SUPPORTED, is_checked=True)
    given = settings if isinstance(settings, Mapping) else {}
    is_loop = step["kind"] == "loop" and given.get("items") is None
    if step["kind"] in _EMPTY_HANDED or is_loop:
        yield from _before_a_box(step, pointer, path)


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


def _before_a_box(step: Mapping[str, JSON], pointer: str, path: str) -> Iterator[Problem]:
    """A box that is handed nothing of its own has nothing that could be looked at before."""
    rails = step.get("guardrails")
    for index, rail in enumerate(rails if isinstance(rails, list) else ()):
        if not isinstance(rail, Mapping) or rail.get("check") not in _OF_CONTENT:
            continue
        if rail.get("check") in ALWAYS_BEFORE or rail.get("at") in ("before", "both"):
            message = (
                f"a {step['kind']} is handed nothing of its own to look at before: "
                "set the check on the steps inside, or check what it gives (after)"
            )
            yield _problem("guardrail_not_run", path, f"{pointer}/guardrails/{index}/at", message)


def _problem(code: str, step: str | None, pointer: str, message: str) -> Problem:
    return Problem("error", code, step, pointer, message)
