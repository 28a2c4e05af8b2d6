"""One sentence that says what a run is doing, or why it ended, and what to do next."""

from dataclasses import dataclass
from typing import Any

from workflows_app.models import Run, StepRun
from workflows_app.views.looks import RUN_LOOKS, Look, humanise, look_of

WAITS = {
    "event": "Waiting for the event {what}",
    "trigger": "Waiting for a trigger at {step}",
    "timer": "Waiting at {step} until its time comes",
    "child": "Waiting for the run that {step} started",
    "rate": "Waiting at {step} for the rate limit",
    "exclusive": "Waiting at {step} for its turn",
    "retry": "Waiting to try {step} again",
    "breaker": "Waiting at {step}: what it calls has failed too often",
}

STEERED = {
    "paused": ("Paused", "Nothing new is begun. Decisions, events and timers count."),
    "compensating": ("Undoing what was done", "Newest first; each undo is a step."),
    "cancelling": ("Cancelling", "What cannot be cut is let finish and recorded."),
    "queued": ("Queued", "No worker has taken its first step yet."),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """The banner of a run: `request` is the approval request that it waits for, if any."""

    look: Look
    title: str
    detail: str = ""
    request: Any = None
    path: str = ""


def sentence(run: Run, steps: list[StepRun], requests: list[Any]) -> Sentence:
    """Say where a run stands.

    Args:
        steps: its current step runs that are open or failed.
        requests: its pending approval requests.
    """
    look = RUN_LOOKS.get(run.state, RUN_LOOKS["queued"])
    open_steps = [step for step in steps if step.state in {"running", "waiting", "ready"}]
    incident = next((step for step in open_steps if step.reason == "incident"), None)
    if run.finished_at is not None:
        return _ended(run, look)
    if incident is not None:
        return _incident(incident)
    if run.state in STEERED:
        return Sentence(look, *STEERED[run.state])
    return _asked(requests, open_steps) if requests else _going_on(run, open_steps, look)


def _incident(step: StepRun) -> Sentence:
    message = (step.error or {}).get("message") or "It never answered."
    return Sentence(
        look_of("step", "waiting", "incident"),
        f"Nobody knows how {humanise(step.step)} ended",
        f"{message} Check outside what happened; then retry, skip or fail the step.",
        path=step.path,
    )


def _ended(run: Run, look: Look) -> Sentence:
    error = run.error or {}
    where = humanise(str(error.get("path", "")).rpartition(".")[2])
    message = error.get("message") or error.get("code") or ""
    degraded = len(run.degraded or [])
    match run.state:
        case "succeeded" if degraded:
            what = "one step" if degraded == 1 else f"{degraded} steps"
            return Sentence(look, "Succeeded, with less than planned", f"{what} gave nothing.")
        case "succeeded":
            return Sentence(look, "Succeeded", "The output is below.")
        case "failed":
            title = f"Failed at {where}" if where else "Failed"
            return Sentence(look, title, str(message), path=str(error.get("path") or ""))
        case "timed_out":
            return Sentence(look, "Timed out", str(message) or "Its time limit passed.")
        case "compensated":
            return Sentence(look, "Compensated", "What it had done was undone, newest first.")
    reason = (run.ending or {}).get("reason") or message
    return Sentence(look, "Cancelled", str(reason))


def _asked(requests: list[Any], open_steps: list[StepRun]) -> Sentence:
    first = requests[0]
    look = look_of("step", "waiting", first.reason)
    others = len(requests) - 1
    people = ", ".join(name.partition(":")[2] or name for name in first.assignees[:3])
    detail = f"Asked of {people}." if people else ""
    if others:
        detail += f" {others} more {'request waits' if others == 1 else 'requests wait'}."
    working = sum(step.state == "running" and not step.is_container for step in open_steps)
    if working:
        detail += f" {working} {'step goes' if working == 1 else 'steps go'} on meanwhile."
    return Sentence(look, f"{look.word}: {first.summary}", detail.strip(), first, first.path)


def _going_on(run: Run, open_steps: list[StepRun], look: Look) -> Sentence:
    working = [step for step in open_steps if step.state in {"running", "ready"}]
    leaves = [step for step in working if not step.is_container] or working
    if run.state != "waiting" and leaves:
        names = ", ".join(dict.fromkeys(humanise(step.step) for step in leaves[:3]))
        more = f" and {len(leaves) - 3} more" if len(leaves) > 3 else ""
        return Sentence(RUN_LOOKS["running"], f"Working on {names}{more}", path=leaves[0].path)
    step = next((step for step in open_steps if step.state == "waiting"), None)
    if step is None:
        return Sentence(look, look.word)
    event = (step.waiting or {}).get("event") or "it waits for"
    waits = look_of("step", "waiting", step.reason)
    pattern = WAITS.get(step.reason or "", f"{waits.word}: {{step}}")
    title = pattern.format(step=humanise(step.step), what=event)
    return Sentence(waits, title, path=step.path)
