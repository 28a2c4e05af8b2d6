"""Changed arguments, supplied outputs and answers: each must fit the schema of what it replaces."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import ValidationError

from approvals_app.core.answers import Answer
from approvals_app.models import ApprovalRequest
from workflows_app.core.action import action_digest
from workflows_app.core.canonical import digest
from workflows_app.core.graph import graphs_compile
from workflows_app.core.kinds import Kind, kind_get
from workflows_app.core.strict_json import JsonRefused, strict_check
from workflows_app.errors import Invalid
from workflows_app.models import StepRun, WorkflowVersion
from workflows_app.services.changes import changes_problems

JSON = Any
PROBLEMS_SHOWN = 20


def answer_check(request: ApprovalRequest, step_run: StepRun, answer: Answer) -> JSON:
    """Check what the answer carries; give the edited action, or None where nothing changes.

    Raises:
        Invalid: something does not fit its schema.
    """
    _check_json(answer.given)
    if answer.decision == "change":
        changes_check(request, answer.changes)
    if request.reason != "review":
        _check_output(request, step_run, answer)
    arguments = _edited(request, answer)
    if arguments is None:
        return None
    arguments_check(request, step_run, arguments)
    action = {**(request.action or {}), "arguments": arguments}
    return None if action_digest(action) == request.digest else action


def _edited(request: ApprovalRequest, answer: Answer) -> JSON:
    """Give the new arguments; a review's action is the output, so an output edits it as well."""
    if answer.decision != "approve":
        return None
    if answer.arguments is not None or request.reason != "review":
        return answer.arguments
    return answer.output


def _check_json(given: Mapping[str, JSON]) -> None:
    for name, value in given.items():
        try:
            strict_check(value)
        except JsonRefused as refused:
            pointer = f"/{name}{refused.pointer}"
            problem = {"code": refused.code, "pointer": pointer, "message": refused.message}
            raise Invalid(f"{name} is not clean JSON.", problems=[problem]) from refused


def arguments_check(request: ApprovalRequest, step_run: StepRun, arguments: JSON) -> None:
    """Check edited arguments against the schema of what they replace.

    Raises:
        Invalid: they do not fit.
    """
    kind = kind_get(step_run.kind)
    schema = arguments_schema(request, step_run)
    if schema is not None:
        schema_check(schema, arguments, "/arguments")
    elif request.reason == "approval" and kind.primitive != "wait":
        _check_settings(kind, step_run, arguments)


def arguments_schema(request: ApprovalRequest, step_run: StepRun) -> JSON:
    """Give the JSON Schema that edited arguments must meet, or None where there is none.

    An agent's tool and a plain tool know theirs by what the version pinned; the digest in the
    action tells whether it is still the schema that was asked about.
    """
    if step_run.kind in ("approval", "checkpoint"):
        return request.form
    kind = kind_get(step_run.kind)
    if request.reason == "review":
        return _from_kind(kind, "output_schema", request, step_run)
    schema = _from_kind(kind, "arguments_schema", request, step_run)
    bound = (request.action or {}).get("schema")
    if bound and (schema is None or digest(schema) != bound):
        raise Invalid(
            "The tool's schema is no longer the one that was asked about; reject this and ask "
            "again, or approve without an edit.",
            problems=[{"code": "schema_changed", "pointer": "/arguments", "message": "changed"}],
        )
    return schema


def output_schema(request: ApprovalRequest, step_run: StepRun) -> JSON:
    """Give the JSON Schema of what the step gives, for whoever takes it over."""
    if step_run.kind in ("approval", "checkpoint"):
        return request.form
    known = _from_kind(kind_get(step_run.kind), "output_schema", request, step_run)
    settings = step_run.input if isinstance(step_run.input, dict) else {}
    if known is None and step_run.kind in ("model", "agent"):
        return settings.get("output")
    return known


def _from_kind(kind: Kind, hook: str, request: ApprovalRequest, step_run: StepRun) -> JSON:
    """Ask a kind for one of its schemas; kinds that have none lack the method."""
    give = getattr(kind, hook, None)
    if give is None:
        return None
    version = WorkflowVersion.objects.only("pins").get(pk=request.version_id)
    return give(workspace_id=request.workspace_id, settings=step_run.input or {}, pins=version.pins)


def _check_settings(kind: Kind, step_run: StepRun, arguments: JSON) -> None:
    """Check an edit of a step without a tool: what it binds are its rendered settings."""
    if not isinstance(arguments, dict):
        raise Invalid("Arguments are an object.")
    try:
        kind.settings.model_validate(kind.edited(step_run.input or {}, arguments))
    except ValidationError as error:
        problems = [
            {
                "code": "settings",
                "pointer": "/arguments/" + "/".join(str(part) for part in found["loc"]),
                "message": found["msg"],
            }
            for found in error.errors()[:PROBLEMS_SHOWN]
        ]
        raise Invalid("The edit breaks the step's settings.", problems=problems) from error


def _check_output(request: ApprovalRequest, step_run: StepRun, answer: Answer) -> None:
    """Check an answer to a question, or the result of whoever took the step over."""
    if answer.decision not in ("approve", "take_over"):
        return
    is_asked = answer.decision == "take_over" or step_run.kind == "approval"
    schema = output_schema(request, step_run) if is_asked else None
    if schema is None:
        return
    if answer.output is None and answer.arguments is not None:
        return  # an edit, which is checked as such
    if answer.output is not None:
        schema_check(schema, answer.output, "/output")
    elif not Draft202012Validator(schema).is_valid({}):
        message = "This needs an answer in output."
        raise Invalid(
            message, problems=[{"code": "required", "pointer": "/output", "message": message}]
        )


def schema_check(schema: JSON, value: JSON, pointer: str) -> None:
    """Check a value against a JSON Schema.

    Raises:
        Invalid: with a problem for each place that does not fit.
    """
    errors = sorted(
        Draft202012Validator(schema).iter_errors(value), key=lambda error: error.json_path
    )
    if not errors:
        return
    problems = [
        {
            "code": str(error.validator),
            "pointer": pointer + "".join(f"/{part}" for part in error.absolute_path),
            "message": error.message[:500],
        }
        for error in errors[:PROBLEMS_SHOWN]
    ]
    raise Invalid("It does not fit the schema: " + problems[0]["message"], problems=problems)


def changes_check(request: ApprovalRequest, changes: JSON) -> None:
    """Check a changed plan: it names steps of this scope that have not started.

    Raises:
        Invalid: an unknown or started step, or settings that its kind refuses.
    """
    steps = scope_steps(request)
    started = set(
        StepRun.objects.filter(scope_id=request.scope_id, is_current=True).values_list(
            "step", flat=True
        )
    )
    problems = [
        {"code": "unknown_change", "pointer": f"/changes/{name}", "message": "skip and set only"}
        for name in changes
        if name not in ("skip", "set")
    ]
    skips, sets = changes.get("skip") or [], changes.get("set") or {}
    if not isinstance(skips, list) or not isinstance(sets, dict):
        raise Invalid("skip is a list of step ids, set an object by step id.")
    for part, ids in (("skip", skips), ("set", list(sets))):
        for step in ids:
            problems += _step_problems(f"/changes/{part}/{step}", step, steps, started)
    known = {step: settings for step, settings in sets.items() if step in steps}
    problems += changes_problems(request.version, request.scope, known)
    if problems:
        raise Invalid("The plan cannot be changed like this.", problems=problems)


def _step_problems(
    pointer: str, step: JSON, steps: Mapping[str, JSON], started: set[str]
) -> list[dict[str, str]]:
    if step not in steps:
        return [{"code": "unknown_step", "pointer": pointer, "message": f"no step {step} here"}]
    if step in started:
        return [{"code": "step_started", "pointer": pointer, "message": f"{step} has started"}]
    return []


def scope_steps(request: ApprovalRequest) -> dict[str, JSON]:
    """Give the steps of the request's scope by id, as its body defines them."""
    scope = request.scope
    body = scope.override
    if body is None:
        graphs = graphs_compile(request.version.expanded)
        return {name: dict(node.spec) for name, node in graphs[scope.body].nodes.items()}
    return {step["id"]: step for step in body.get("steps") or ()}
