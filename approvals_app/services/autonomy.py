"""Change a gate by its evidence: a draft, which somebody else publishes."""

from typing import Any

from django.db import transaction

from approvals_app.core.locate import gate_find, relaxed_gates, value_set
from approvals_app.steps import LEAST_SAMPLE
from workflows_app.core.expressions import ExpressionProblem, compile_condition
from workflows_app.errors import Conflict, Forbidden, Invalid
from workflows_app.models import User, Workflow, WorkflowVersion
from workflows_app.selectors.definitions import workflow_get
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.definitions import draft_save
from workflows_app.services.history import app_event_record

JSON = Any
LEAST_AGREEMENT = 0.9


@transaction.atomic
def gate_draft(
    *, actor: User, workflow: str, gate: str, change: str, rule: str = "", evidence: JSON = None
) -> Workflow:
    """Write a relaxed or tightened gate into the workflow's draft; nothing is published.

    Args:
        change: relax (by `rule`, with a sample still asked) or tighten (a relaxed gate asks every
            time again, any other asks two people).
        evidence: what the simulation gave, for the record.

    Raises:
        NotFound, Forbidden: no such workflow, or the actor designs nothing there.
        Invalid: the rule cannot be used, or the gate cannot be changed like this.
        Conflict: the draft has no such gate, or was changed at the same moment.
    """
    principal = principal_of_user(actor)
    found = workflow_get(slug=workflow, actor=principal)
    principal.require("design", found.workspace_id)
    place = gate_find(found.draft, gate)
    if place is None:
        message = f"The draft of {workflow} has no gate {gate} any more."
        raise Conflict(message, code="no_such_gate")
    pointer, settings = place
    changed = _relaxed(settings, rule, pointer) if change == "relax" else _tightened(settings)
    definition = value_set(found.draft, pointer, changed)
    saved = draft_save(workflow=found, definition=definition, revision=found.revision, actor=actor)
    app_event_record(
        workspace=found.workspace,
        type=f"gate.{change}_drafted",
        object=f"workflow:{found.slug}",
        actor=f"user:{actor.username}",
        data={"gate": gate, "rule": rule, "revision": saved.revision, "evidence": evidence},
    )
    return saved


def _relaxed(settings: JSON, rule: str, pointer: tuple[str | int, ...]) -> dict[str, JSON]:
    if pointer[-1] != "approval":
        raise _invalid("The step is itself the question: there is nothing to relax.")
    if settings.get("risk") == "critical":
        raise _invalid("A critical gate is never relaxed.")
    try:
        compile_condition(rule, ["proposal"])
    except ExpressionProblem as problem:
        raise _invalid(f"The rule cannot be used: {problem}") from problem
    relax = {"when": rule, "sample": LEAST_SAMPLE, "least": LEAST_AGREEMENT}
    return {**settings, "relax": relax}


def _tightened(settings: JSON) -> dict[str, JSON]:
    if settings.get("relax"):
        return {key: value for key, value in settings.items() if key != "relax"}
    need = settings.get("need", 1)
    if need == 1:
        return {**settings, "need": 2}
    raise _invalid("More than one person decides here already.")


def _invalid(message: str) -> Invalid:
    problem = {"code": "cannot_change", "pointer": "/rule", "message": message}
    return Invalid(message, problems=[problem])


def second_person_check(workflow: Workflow, newest: WorkflowVersion | None, actor: User) -> None:
    """Refuse that whoever edited a draft also publishes a gate that asks less.

    Raises:
        Forbidden: `second_person`.
    """
    before = dict(relaxed_gates(newest.definition)) if newest else {}
    after = dict(relaxed_gates(workflow.draft))
    is_looser = any(before.get(place) != relax for place, relax in after.items())
    if is_looser and workflow.draft_editors.filter(pk=actor.pk).exists():
        raise Forbidden(
            "This draft lets a gate ask less, and you edited it: somebody else must publish it.",
            code="second_person",
        )
