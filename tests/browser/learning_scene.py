"""A gate with a record, and requests that show what was learned, for the browser tests."""

from datetime import time, timedelta

from django.utils import timezone

from approvals_app.models import ApprovalRequest, Calendar, Cover, SeenMark
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.talk import approval_comment
from tests.approvals_app import factories
from tests.browser.approvals_scene import people
from workflows_app.models import Group, Scope, StepRun, Workflow, WorkflowVersion

GATE = {"summary": "Refund", "assignees": ["group:approvers"], "risk": "low", "calendar": "office"}
STEP = {"id": "issue", "kind": "transform", "with": {"value": 1}, "approval": GATE}
DOCUMENT = {"format": 1, "name": "Refund triage", "steps": [STEP], "edges": []}
DECIDED = 130


def ask(of, amount, customer="cus_1", **given):
    step_run = factories.waiting_step(starter=factories.person("olga"), of=of)
    arguments = {"customer": customer, "amount": amount, "currency": "EUR"}
    bound = factories.action(step_run, arguments=arguments)
    settings = {"risk": "low", "confidence": 0.93, "summary": f"Refund {amount} EUR", **given}
    return factories.request_for(step_run, bound=bound, **settings)


def close(request, state, *, person, seconds=40, **more):
    """Answer a request as its row, without the engine."""
    at = timezone.now() - timedelta(minutes=5)
    ApprovalRequest.objects.filter(pk=request.pk).update(
        state=state,
        decided_by=person,
        requested_at=at - timedelta(seconds=seconds),
        decided_at=at,
        effective_at=at,
        closed_at=at,
        next_due_at=None,
        **more,
    )


def case(of):
    """A request of the tier `desk`, to which two tiers handed a case on."""
    step_run = factories.waiting_step(starter=factories.person("olga"), of=of, kind="approval")
    run, root = step_run.run, step_run.scope
    run.input = {"customer": "C-1001", "message": "I was charged twice. I want a person."}
    run.save()
    output = {"reply": "We open at nine.", "confidence": 0.4, "sentiment": "negative"}
    at = timezone.now().isoformat()
    attempts = [
        {"tier": "automatic", "output": output, "error": None, "at": at},
        {"tier": "agent", "output": None, "error": {"message": "the shop is down"}, "at": at},
    ]
    criteria = [
        [
            {"when": "output.confidence < 0.8", "held": True},
            {"when": "output.sentiment == 'negative'", "held": True},
            {"when": "elapsed > 3600.0", "held": False},
        ],
        [{"when": "error: tool_down", "held": True}],
    ]
    for place, held in enumerate(criteria):
        StepRun.objects.create(
            run=run,
            scope=root,
            step=f"_after_{place + 1}",
            kind="hand_on",
            path=f"case._after_{place + 1}",
            state="succeeded",
            port="escalate",
            finished_at=timezone.now(),
            output={
                "tier": attempts[place]["tier"],
                "attempts": attempts[: place + 1],
                "summary": "What was tried so far:\n- automatic\n- agent",
                "why": "its criterion is met",
                "criteria": held,
            },
        )
    container = StepRun.objects.create(
        run=run, scope=root, step="desk", kind="group", path="case.desk", state="running",
        is_container=True,
    )  # fmt: skip
    inner = Scope.objects.create(
        run=run, kind="group", parent=root, container_id=container.pk, ancestors=[root.pk]
    )
    StepRun.objects.filter(pk=step_run.pk).update(scope=inner, path="case.desk.handle")
    step_run.refresh_from_db()
    bound = factories.action(step_run, tool=None, arguments={"summary": "Answer C-1001"})
    return factories.request_for(
        step_run, bound=bound, summary="Answer C-1001", decisions=["take_over", "reject"]
    )


def learned():
    """Give people and requests by what they show."""
    made = people()
    anna, ben = made["anna"], made["ben"]
    of = factories.version()
    Workflow.objects.filter(pk=of.workflow_id).update(draft=DOCUMENT)
    WorkflowVersion.objects.filter(pk=of.pk).update(definition=DOCUMENT, expanded=DOCUMENT)
    for number in range(DECIDED):
        request = ask(of, float(10 + number), customer=f"cus_{number % 9}")
        is_refused = number > DECIDED - 4
        close(
            request,
            "rejected" if is_refused else "approved",
            person=anna,
            is_blind=number % 12 == 0,
        )
    moved = ask(of, 60.0, customer="cus_2", ladder=[{"after": "2h", "assignees": ["group:leads"]}])
    SeenMark.objects.create(request=moved, person=ben, at=timezone.now())
    approval_comment(approval_id=moved.pk, actor=ben, text="Asked the warehouse")
    approval_escalate(approval_id=moved.pk, actor=ben, reason="Above my limit")
    requests = {
        "odd": ask(of, 940.0, customer="cus_1"),
        "moved": moved,
        "blind": ask(of, 30.0, blind=1.0, recommendation="Two charges were captured."),
        "case": case(of),
    }
    now = timezone.now()
    space = factories.workspace()
    Group.objects.create(workspace=space, name="lonely")
    for seat, delegate in ((anna, ben), (ben, anna)):
        Cover.objects.create(
            workspace=space,
            seat=seat,
            delegate=delegate,
            starts_at=now + timedelta(days=2),
            ends_at=now + timedelta(days=4),
        )
    Calendar.objects.create(
        workspace=space,
        name="office",
        zone="Europe/Berlin",
        days=[1, 2, 3, 4, 5],
        opens=time(9),
        closes=time(17),
        is_default=False,
    )
    return {**made, "requests": requests, "slug": of.workflow.slug}
