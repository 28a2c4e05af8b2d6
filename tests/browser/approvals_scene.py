"""An inbox with one request of every sort, for the browser tests."""

from datetime import timedelta

from django.utils import timezone

from approvals_app.models import ApprovalRequest, Comment, Cover
from approvals_app.services.decide import approval_decide
from approvals_app.services.mail_links import link_make
from tests.approvals_app import factories
from tests.approvals_app.naughty import ALL, LONG, NAUGHTY
from workflows_app.models import StepRun, Undo

STEPS = {
    "steps": [
        {"id": "issue", "kind": "tool", "with": {"tool": "crm.refund"}, "review": {"rework": 1}},
        {"id": "tell", "kind": "transform", "with": {"value": "told"}},
        {"id": "post", "kind": "tool", "with": {"tool": "mail.send"}},
    ],
    "edges": [{"from": "issue", "to": "tell"}, {"from": "tell", "to": "post"}],
}
FORM = {
    "type": "object",
    "required": ["reply"],
    "properties": {
        "reply": {"type": "string", "minLength": 3},
        "tone": {"type": "string", "enum": ["warm", "plain"]},
        "copies": {"type": "array", "items": {"type": "string"}},
    },
}
FULL = {
    "details": "The customer reported it the same day.",
    "recommendation": "Two charges were captured for one invoice.",
    "confidence": 0.86,
    "impact": ["€1,840.00 leaves the account", "The customer is told at once"],
    "alternatives": [{"summary": "A credit note", "why": "slower", "confidence": 0.09}],
    "links": [{"label": "Invoice INV-88213", "url": "https://example.org/INV-88213"}],
    "ladder": [{"after": "2h", "assignees": ["group:leads"]}],
    "on_timeout": "escalate",
}


def people():
    """Anna and Ben are asked; Olga starts everything; Lea leads."""
    made = {name: factories.person(name, groups=["approvers"]) for name in ("anna", "ben")}
    made["olga"] = factories.person("olga", roles=["admin", "viewer", "reviewer"])
    made["lea"] = factories.person("lea", groups=["leads"])
    return made


def step(**given):
    return factories.waiting_step(
        starter=factories.person("olga"), of=factories.version(expanded=STEPS), **given
    )


def question(**given):
    asked = factories.waiting_step(starter=factories.person("olga"), kind="approval")
    bound = factories.action(asked, tool=None, arguments={"summary": given["summary"]})
    return factories.request_for(asked, bound=bound, **given)


def review(**given):
    """A provisional step that was followed by another; both can be undone."""
    done = step(reason="review")
    StepRun.objects.filter(pk=done.pk).update(port="done", output={"id": "R-1"})
    later = StepRun.objects.create(
        run=done.run,
        scope=done.scope,
        step="post",
        kind="tool",
        path="post",
        state="succeeded",
        effect="reversible",
        finished_at=timezone.now(),
    )
    for place, one in enumerate((done, later)):
        Undo.objects.create(
            run=done.run,
            step_run=one,
            path=one.path,
            generation=0,
            spec={"tool": "crm.reverse", "arguments": {"id": f"R-{place}"}},
            state="armed",
            ordinal=place,
        )
    done.refresh_from_db()
    bound = factories.action(done, arguments={"id": "R-1", "amount": 12})
    return factories.request_for(done, reason="review", bound=bound, **given)


def checkpoint(**given):
    stopped = step(kind="checkpoint", reason="checkpoint")
    bound = factories.action(stopped, tool=None, arguments={"show": {"share": 5}})
    decisions = ["approve", "change", "reject"]
    return factories.request_for(
        stopped, reason="checkpoint", bound=bound, decisions=decisions, **given
    )


def naughty(**given):
    """Hostile text in every field, among it values of more than 50 kB."""
    asked = step()
    arguments = {text: text for text in NAUGHTY} | {"long": LONG, "deep": [[{"a": ALL}]]}
    return factories.request_for(
        asked,
        bound=factories.action(asked, arguments=arguments),
        summary=ALL,
        details=LONG,
        recommendation=ALL + LONG,
        impact=[ALL, LONG],
        requested_by=ALL,
        alternatives=[{"summary": ALL, "why": LONG, "confidence": 0.1}],
        links=[{"label": ALL, "url": "https://example.org/?" + ALL}],
        why=ALL,
        **given,
    )


def lookalikes(number=4):
    of = factories.version(expanded=STEPS)
    made = []
    for place in range(number):
        asked = factories.waiting_step(starter=factories.person("olga"), of=of)
        bound = factories.action(asked, arguments={"amount": 20 + place, "currency": "EUR"})
        summary = f"Refund {20 + place} EUR"
        made.append(
            factories.request_for(asked, bound=bound, risk="low", confidence=0.95, summary=summary)
        )
    return made


def decided(request, person, decision="approve", **given):
    given = {"via": "token", "digest": request.digest, "reason": "Looks right", **given}
    approval_decide(approval_id=request.pk, actor=person, decision=decision, **given)
    return ApprovalRequest.objects.get(pk=request.pk)


def inbox():
    """Give people and requests by what they show."""
    found = people()
    olga, ben = found["olga"], found["ben"]
    factories.person("nobody", groups=["empty"])
    requests = {
        "gate": factories.request_for(
            step(), summary="Refund €1,840.00 to Nordwind Logistik", deadline="30m", **FULL
        ),
        "high": factories.request_for(step(), risk="high", summary="Waive a late fee", **FULL),
        "critical": factories.request_for(
            step(), risk="critical", summary="Change the payout account", deadline="40m"
        ),
        "final": factories.request_for(step(effect="irreversible"), summary="Send the letter"),
        "question": question(summary="When does it ship?", form=FORM, decisions=["answer"]),
        "label": question(summary="Which team?", decisions=["approve", "label", "reject"]),
        "by_hand": question(summary="Answer by hand", form=FORM, decisions=["take_over"]),
        "review": review(summary="Moved to the company plan"),
        "checkpoint": checkpoint(summary="Go on to 50%?"),
        "rehearsal": factories.request_for(step(mode="rehearsal"), summary="A rehearsal"),
        "naughty": naughty(deadline="20m"),
    }
    requests["approved"] = decided(factories.request_for(step(), summary="Done"), ben)
    requests["rejected"] = decided(factories.request_for(step(), summary="No"), ben, "reject")
    edited = {**factories.ARGUMENTS, "amount": 1.0}
    requests["edited"] = decided(
        factories.request_for(step(), summary="Less"), ben, arguments=edited
    )
    requests["expired"] = factories.request_for(step(), summary="Too late")
    ApprovalRequest.objects.filter(pk=requests["expired"].pk).update(
        state="expired",
        closed_at=timezone.now(),
        next_due_at=None,
        closed_why="Nobody answered in time",
    )
    decided(requests["critical"], ben)
    Comment.objects.create(request=requests["gate"], person=ben, text=ALL, at=timezone.now())
    Cover.objects.create(
        workspace=factories.workspace(),
        seat=ben,
        delegate=olga,
        starts_at=timezone.now(),
        ends_at=timezone.now() + timedelta(days=3),
    )
    found["requests"] = requests
    found["batch"] = lookalikes()
    found["mail"] = link_make(requests["naughty"], found["anna"])
    return found
