"""A busy workspace for the browser tests: runs in every state, one waiting for a person."""

from datetime import timedelta

from django.utils import timezone

from tests.views import factories


def scene():
    """Give the workspace, its people, and the run that waits for an approval."""
    workspace = factories.workspace_make()
    owner = factories.user_make("mira", workspace, ("viewer", "operator", "designer", "reviewer"))
    admin = factories.user_make("ada", workspace, ("viewer", "reviewer", "admin"))
    workflow = factories.workflow_make(workspace)
    version = factories.version_make(workflow)
    support = factories.workflow_make(workspace, slug="support", name="Support triage")
    other = factories.version_make(support, number=3)
    factories.workflow_make(workspace, slug="bank-change", name="Change of bank account")
    states = ["succeeded"] * 12 + [
        "failed",
        "succeeded",
        "cancelled",
        "timed_out",
        "queued",
        "paused",
    ]
    for place, state in enumerate(states):
        error = {
            "code": "http_503",
            "message": "The fraud service answered 503",
            "path": "fraud_score",
        }
        factories.run_make(
            other if place % 3 else version,
            state,
            error=error if state == "failed" else None,
            cost_usd=0.11 * place,
            mode="rehearsal" if place == 3 else "live",
        )
    return {
        "owner": owner,
        "admin": admin,
        "workspace": workspace,
        "version": version,
        "run": waiting_run(version),
    }


def waiting_run(version):
    run = factories.run_make(
        version, "waiting", cost_usd=0.42, input_tokens=30_000, output_tokens=8_200
    )
    make = factories.step_make
    make(run, "redact", "succeeded", kind="guard", began=0, lasted=1.2, output={"text": "…"})
    make(run, "payments", "succeeded", began=1.3, lasted=2.7)
    make(run, "read_thread", "succeeded", kind="agent", began=1.3, lasted=12.7, is_container=True)
    make(run, "read_thread.turn", "succeeded", kind="loop", began=1.4, lasted=12.5)
    make(run, "read_thread.turn[0].reply", "succeeded", kind="model", began=1.5, lasted=6.0)
    make(run, "read_thread.turn[1].reply", "succeeded", kind="model", began=8.0, lasted=5.8)
    make(run, "fraud_score", "succeeded", began=1.3, lasted=17.0, attempt=3)
    output = {
        "action": "refund",
        "amount": 1840.0,
        "currency": "EUR",
        "confidence": 0.86,
        "is_duplicate": True,
        "evidence": ["INV-88213", "T-55120"],
        "reply_draft": "Dear Ms Brandt, we found two charges for one invoice.",
    }
    make(
        run,
        "draft",
        "succeeded",
        kind="agent",
        began=18.5,
        lasted=28.6,
        output=output,
        input={"model": "large", "prompt": "Draft a resolution."},
        cost_usd=0.31,
        input_tokens=18_000,
        output_tokens=3_400,
    )
    make(run, "over_limit", "succeeded", kind="decision", began=47.1, lasted=0.1, port="yes")
    make(run, "auto_approve", "skipped", kind="transform")
    make(
        run,
        "approve_refund",
        "waiting",
        kind="approval",
        began=47.2,
        reason="approval",
        waiting={"approval": "x"},
        input={"summary": "Refund €1,840.00 to Nordwind Logistik", "assignees": ["group:finance"]},
    )
    _history(run)
    return run


def _history(run):
    start = run.started_at
    add = factories.event_make

    def at(seconds):
        return start + timedelta(seconds=seconds)

    add(run, "run.queued", to_state="queued", actor="user:mira", at=at(-0.2))
    add(run, "run.started", from_state="queued", to_state="running", actor="worker:1", at=at(0))
    for path, began, ended, why in (
        ("redact", 0, 1.2, "nothing personal was found"),
        ("payments", 1.3, 4.0, ""),
        ("fraud_score", 1.3, 18.3, "third attempt, score 0.12"),
        ("draft", 18.5, 47.1, "confidence 0.86"),
        ("over_limit", 47.1, 47.2, "amount is over 1,000"),
    ):
        common = {"path": path, "generation": 0}
        add(
            run,
            "step.started",
            from_state="ready",
            to_state="running",
            actor="worker:1",
            at=at(began),
            **common,
        )
        add(
            run,
            "step.ended",
            from_state="running",
            to_state="succeeded",
            actor="engine",
            why=why,
            at=at(ended),
            data={"port": "done"},
            **common,
        )
    add(
        run,
        "step.waiting",
        path="approve_refund",
        generation=0,
        from_state="ready",
        to_state="waiting",
        actor="engine",
        why="the amount is over the limit of 1,000",
        data={"reason": "approval"},
        at=at(47.3),
    )
    add(
        run,
        "run.waiting",
        from_state="running",
        to_state="waiting",
        actor="engine",
        at=timezone.now(),
    )
