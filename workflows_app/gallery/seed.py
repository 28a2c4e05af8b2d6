"""Runs in every state that lasts, and a full inbox, made by the engine's own services."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from workflows_app.core.canonical import digest
from workflows_app.errors import Conflict, IllegalState
from workflows_app.models import Member, Run, User, WorkflowVersion, Workspace
from workflows_app.services.control import run_cancel, run_pause, run_rollback
from workflows_app.services.start import run_start

Steer = Literal["", "pause", "cancel", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A run to make: which example of which sample, and what to do once it rests."""

    slug: str
    example: int = 0
    steer: Steer = ""


WISHES = (
    Wish(slug="fallback-chain"),
    Wish(slug="fallback-chain", example=1),
    Wish(slug="customer-profile"),
    Wish(slug="customer-profile", example=1),
    Wish(slug="supplier-quotes"),
    Wish(slug="supplier-quotes", example=1),  # fails: nobody sells meteorites
    Wish(slug="claim-decision"),
    Wish(slug="claim-decision", example=1),  # asks
    Wish(slug="claim-decision", example=2),
    Wish(slug="time-limits"),
    Wish(slug="time-limits", example=2),  # times out
    Wish(slug="order-saga"),
    Wish(slug="order-saga", example=1),  # compensates
    Wish(slug="order-saga", example=2),  # compensates, and stops at an incident
    Wish(slug="order-saga", steer="rollback"),
    Wish(slug="order-lifecycle"),  # waits for a trigger
    Wish(slug="order-lifecycle", example=1),
    Wish(slug="loan-application"),
    Wish(slug="loan-application", example=1),
    Wish(slug="order-events"),  # waits for an event
    Wish(slug="order-events", example=1),
    Wish(slug="invitation"),
    Wish(slug="payout-batch"),  # three similar requests
    Wish(slug="first-approval"),
    Wish(slug="first-approval", steer="pause"),
    Wish(slug="first-approval", steer="cancel"),
    Wish(slug="approval-before-action"),
    Wish(slug="review-after-action"),
    Wish(slug="provisional-review"),
    Wish(slug="staged-release"),
    Wish(slug="refund"),
    Wish(slug="refund", example=1),
    Wish(slug="message-triage"),
    Wish(slug="message-triage", example=1),
    Wish(slug="onboarding-chain"),
    Wish(slug="document-pipeline"),
    Wish(slug="document-pipeline", example=1),
    Wish(slug="refine-until-good"),
    Wish(slug="second-opinion"),
    Wish(slug="support-escalation", example=1),
    Wish(slug="quarter-report"),
)


def seed(*, workspace: Workspace, settle: Callable[[UUID], None]) -> Counter[str]:
    """Make the wished-for runs and give how many there are of each state.

    A second call finds the runs of the first. `settle` returns once a run rests, or when it
    has waited long enough.
    """
    starter = _starter(workspace)
    made = []
    for number, wish in enumerate(WISHES):
        version = _version(workspace, wish.slug)
        if version is not None:
            made.append((*_start(version, starter, number, wish), wish))
    for run, _, _ in made:
        settle(run.pk)
    for run, is_new, wish in made:
        if is_new and wish.steer:
            with suppress(IllegalState):
                _steer(run, starter, wish.steer)
                settle(run.pk)
    runs = Run.objects.filter(pk__in=[run.pk for run, _, _ in made])
    return Counter(runs.values_list("state", flat=True))


def _version(workspace: Workspace, slug: str) -> WorkflowVersion | None:
    """Give the newest version of a workflow; one that is only a draft is left out."""
    versions = WorkflowVersion.objects.filter(
        workflow__workspace=workspace, workflow__slug=slug, number__isnull=False
    )
    return versions.select_related("workflow").order_by("-number").first()


def _starter(workspace: Workspace) -> User:
    """Give the person who starts them all: an admin, so that the others may answer.

    Raises:
        Conflict: nobody belongs to the workspace.
    """
    members = Member.objects.filter(workspace=workspace, is_active=True).order_by("pk")
    found = members.filter(roles__contains=["admin"]).first() or members.first()
    if found is None:
        raise Conflict("nobody belongs to the default workspace yet: start the product first")
    return found.user


def _start(version: WorkflowVersion, starter: User, number: int, wish: Wish) -> tuple[Run, bool]:
    """Start live where no model is needed or one is there, else as a rehearsal."""
    value = version.definition["input"]["examples"][wish.example]
    about = {
        "workflow": version.workflow,
        "version": version,
        "input": value,
        "user": starter,
        "actor": f"user:{starter.username}",
        "via": "command",
        "idempotency_key": f"seed-{number}",
        "body_digest": digest(value),
    }
    try:
        return run_start(mode="live", **about)
    except Conflict as error:
        if error.code != "no_model":
            raise
    return run_start(mode="rehearsal", **about)


def _steer(run: Run, starter: User, steer: Steer) -> None:
    control = {"pause": run_pause, "cancel": run_cancel, "rollback": run_rollback}[steer]
    control(run_id=run.pk, actor=f"user:{starter.username}", reason="to show it")
