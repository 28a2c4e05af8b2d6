"""Rows for the tests of approvals: people, a run that waits, and a request about it."""

from datetime import timedelta

from django.utils import timezone

from approvals_app.models import ApprovalRequest
from approvals_app.services.open import approvals_open, approvals_withdraw
from workflows_app.core.action import action_digest
from workflows_app.core.effects import RequestApproval
from workflows_app.identifiers import uuid7
from workflows_app.models import (
    AppEvent,
    Group,
    Member,
    Run,
    Scope,
    StepRun,
    User,
    Workflow,
    WorkflowVersion,
    Workspace,
)
from workflows_app.services.history import events_append

DIGEST = "d" * 64
ROLES = ["viewer", "operator", "designer", "reviewer"]
ARGUMENTS = {"customer": "cus_8213", "amount": 1840.0, "note": "Duplicate charge"}


def workspace(name="default"):
    return Workspace.objects.get_or_create(
        slug=name, defaults={"name": name, "is_default": name == "default"}
    )[0]


def person(name, *, groups=(), roles=ROLES, space=None):
    """A person who is a member of the workspace and of these groups."""
    space = space or workspace()
    user, _ = User.objects.get_or_create(username=name)
    member, _ = Member.objects.get_or_create(
        workspace=space, user=user, defaults={"roles": list(roles)}
    )
    for group in groups:
        Group.objects.get_or_create(workspace=space, name=group)[0].members.add(member)
    return user


def version(*, space=None, editors=(), expanded=None, pins=None):
    """A published version of a workflow of its own."""
    space = space or workspace()
    number = Workflow.objects.count() + 1
    workflow = Workflow.objects.create(
        workspace=space, slug=f"refunds-{number}", name="Refund triage", draft={}
    )
    made = WorkflowVersion.objects.create(
        workflow=workflow,
        number=1,
        digest="e" * 64,
        definition={"format": 1, "name": "Refund triage", "steps": []},
        expanded=expanded or {"steps": [], "edges": []},
        pins=pins or {},
    )
    made.editors.set(editors)
    return made


def waiting_step(
    *,
    starter=None,
    mode="live",
    kind="tool",
    effect="reversible",
    reason="approval",
    of=None,
    settings=None,
):
    """A step run that waits for people, in a run of its own."""
    of = of or version()
    run = Run.objects.create(
        workspace=of.workflow.workspace,
        workflow=of.workflow,
        version=of,
        mode=mode,
        state="waiting",
        started_by=starter,
        started_at=timezone.now(),
    )
    scope = Scope.objects.create(run=run, kind="root")
    return StepRun.objects.create(
        run=run,
        scope=scope,
        step="issue",
        kind=kind,
        path="issue",
        state="waiting",
        reason=reason,
        effect=effect,
        input=settings or {"tool": "crm.refund", "arguments": ARGUMENTS},
        waiting={},
    )


def action(step_run, *, arguments=None, tool="crm.refund", schema=None, credentials=()):
    """What the step would do, as the digest binds it."""
    return {
        "kind": step_run.kind,
        "tool": tool,
        "tool_version": "1" if tool else None,
        "schema": schema,
        "arguments": ARGUMENTS if arguments is None else arguments,
        "target": None,
        "credentials": list(credentials),
        "run": str(step_run.run_id),
        "path": step_run.path,
        "generation": step_run.generation,
        "definition": "e" * 64,
        "lapses_at": None,
    }


def effect_for(step_run, *, reason="approval", why="amount > 500.0", bound=None, **settings):
    """The engine's wish to ask people about a step run."""
    bound = bound or action(step_run)
    return RequestApproval(
        id=uuid7(),
        run_id=step_run.run_id,
        workspace_id=step_run.run.workspace_id,
        workflow_id=step_run.run.workflow_id,
        version_id=step_run.run.version_id,
        scope_id=step_run.scope_id,
        step_run_id=step_run.pk,
        path=step_run.path,
        generation=step_run.generation,
        reason=reason,
        action=bound,
        digest=action_digest(bound),
        settings={"summary": "Refund Nordwind", "assignees": ["group:approvers"], **settings},
        why=why,
        mode=step_run.run.mode,
        now=timezone.now(),
    )


def asked(effects):
    """Ask people, and write what the engine's transaction would write of it."""
    events_append(approvals_open(effects).history)


def withdrawn(effects):
    """Take questions back, as the engine's transaction does."""
    events_append(approvals_withdraw(effects).history)


def request_for(step_run=None, **given):
    """A pending request; by default about a new live step that `olga` started."""
    step_run = step_run or waiting_step(starter=person("olga"))
    asked([effect_for(step_run, **given)])
    return ApprovalRequest.objects.get(step_run=step_run, state="pending")


def due_in_past(request, *, seconds=1, requested=3600):
    """Move a request's times back so that its next time has come."""
    now = timezone.now()
    shift = request.next_due_at - (now - timedelta(seconds=seconds))
    ApprovalRequest.objects.filter(pk=request.pk).update(
        requested_at=request.requested_at - shift,
        deadline_at=request.deadline_at - shift,
        next_due_at=request.next_due_at - shift,
    )
    request.refresh_from_db()
    return request


def credential_set(name, user, *, space=None):
    """The record of who last set a secret."""
    return AppEvent.objects.create(
        workspace=space or workspace(),
        type="secret.changed",
        object=f"secret:{name}",
        actor=f"user:{user.username}",
    )


__all__ = [
    "action",
    "credential_set",
    "due_in_past",
    "effect_for",
    "person",
    "request_for",
    "version",
    "waiting_step",
    "workspace",
]
