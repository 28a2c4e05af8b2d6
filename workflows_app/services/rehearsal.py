"""Test runs of a draft: rehearsals with pinned outputs, up to a chosen step."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from workflows_app.core.canonical import canonical_bytes
from workflows_app.core.definition.bodies import step_find
from workflows_app.core.definition.rehearsal import Pin, rehearsal_of
from workflows_app.errors import Invalid, NotFound
from workflows_app.models import DraftPin, Run, StepRun, User, Workflow
from workflows_app.services.definitions import draft_version
from workflows_app.services.start import run_start

JSON = Any
PIN_LIMIT = 100_000  # bytes


def rehearsal_start(
    *,
    workflow: Workflow,
    input: JSON,
    actor: User,
    until: str = "",
    idempotency_key: str | None = None,
    body_digest: str | None = None,
) -> Run:
    """Rehearse the draft with this person's pins; the run stops after `until`, if it is named.

    Raises:
        Invalid: what would run has problems, or the input breaks its schema.
        NotFound: the draft has no step `until`.
    """
    if until and step_find(workflow.draft, until) is None:
        raise NotFound(f"The draft has no step {until}.")
    pins = {pin.step: pin for pin in pins_of_person(workflow=workflow, user=actor)}
    made = rehearsal_of(workflow.draft, pins=pins, until=until) if pins or until else None
    with transaction.atomic():
        version = draft_version(workflow=workflow, actor=actor, definition=made)
        run, _ = run_start(
            workflow=workflow,
            version=version,
            input=input,
            mode="rehearsal",
            user=actor,
            actor=f"user:{actor.username}",
            via="page",
            idempotency_key=idempotency_key,
            body_digest=body_digest,
        )
    return run


def pins_of_person(*, workflow: Workflow, user: User) -> list[Pin]:
    """Give what a person pinned of the steps that the draft still has."""
    return [
        Pin(step=pin.step, output=pin.output, port=pin.port)
        for pin in DraftPin.objects.filter(workflow=workflow, user=user).order_by("step")
        if step_find(workflow.draft, pin.step) is not None
    ]


def pin_set(
    *, workflow: Workflow, actor: User, step: str, output: JSON, port: str = "done"
) -> DraftPin:
    """Give `output` instead of running the step in this person's test runs.

    Raises:
        NotFound: the draft has no such step on its first level.
        Invalid: the output is too large, or the step has no such port.
    """
    found = step_find(workflow.draft, step)
    if found is None or found[0].path:
        raise NotFound(f"The draft has no step {step} on its first level.")
    if len(canonical_bytes(output)) > PIN_LIMIT:
        raise Invalid(f"A pinned output has at most {PIN_LIMIT} bytes.", code="pin_too_large")
    pin, _ = DraftPin.objects.update_or_create(
        workflow=workflow, user=actor, step=step, defaults={"output": output, "port": port}
    )
    return pin


def pin_remove(*, workflow: Workflow, actor: User, step: str) -> None:
    """Run the step itself again."""
    DraftPin.objects.filter(workflow=workflow, user=actor, step=step).delete()


def rehearsal_last(*, workflow: Workflow, user: User) -> Run | None:
    """Give this person's newest rehearsal of the draft."""
    runs = Run.objects.filter(
        workflow=workflow, started_by=user, mode="rehearsal", version__number__isnull=True
    )
    found: Run | None = runs.order_by("-number").first()
    return found


def outputs_of(run: Run) -> Mapping[str, StepRun]:
    """Give the current step runs of a run by path."""
    steps = StepRun.objects.filter(run=run, is_current=True).order_by("pk")[:500]
    return {step.path: step for step in steps}
