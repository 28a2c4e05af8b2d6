"""Running guardrails around a step: the checks of the core, with what they have to be told."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from django.db.models.functions import Now

from workflows_app.agents.core.guardrails import Trip, checks_run
from workflows_app.agents.redaction import redact
from workflows_app.core.durations import duration_parse
from workflows_app.models import Run, StepRun
from workflows_app.services.guardrails import Moment, Verdict

JSON = Any
_STOPS = {"block": "block", "escalate": "block", "fallback": "block", "hold": "hold"}


def guardrails_check(checks: Sequence[Mapping[str, JSON]], value: JSON, moment: Moment) -> Verdict:
    """Run the checks of one moment; the strictest that tripped decides."""
    told = [{**check, "seen": _seen(check, moment)} for check in checks]
    proposal = {**moment.call.settings, "tool": moment.action.tool}

    def evaluate(source: str, **more: JSON) -> JSON:
        return moment.call.evaluate(source.removeprefix("="), proposal=proposal, **more)

    found = checks_run(told, value, evaluate=evaluate)
    trips = [redact(trip.record()) for trip in found.trips]
    if found.action is None:
        return Verdict(value=found.value, trips=trips)
    deciding = next(trip for trip in found.trips if trip.decides(found.action))
    queues = [check.get("excess", "queue") == "queue" for check in checks if _is(check, deciding)]
    action: Literal["block", "hold", "queue"] = _STOPS[found.action]  # type: ignore[assignment]
    if deciding.check == "rate" and any(queues):
        action = "queue"
    return Verdict(
        value=found.value, action=action, code=deciding.check, why=found.why, trips=trips
    )


def _is(check: Mapping[str, JSON], trip: Trip) -> bool:
    return check["check"] == trip.check


def _seen(check: Mapping[str, JSON], moment: Moment) -> JSON:
    """Give what a check cannot find in the value itself."""
    match check["check"]:
        case "tools":
            return moment.action.tool
        case "hosts":
            return moment.action.target
        case "time":
            return _run_seconds(moment) if check.get("level") != "step" else moment.seconds
        case "rate":
            return _starts_before(check, moment)
    return None


def _run_seconds(moment: Moment) -> float:
    begun = Run.objects.filter(pk=moment.call.run_id).values_list("created_at", Now()).get()
    return float((begun[1] - begun[0]).total_seconds())


def _starts_before(check: Mapping[str, JSON], moment: Moment) -> int:
    """Count the starts in the window that came before this one; who waits has not started."""
    own = StepRun.objects.filter(pk=moment.call.step_run_id).values_list("started_at", flat=True)
    if (started_at := own.first()) is None:
        return 0
    window = duration_parse(str(check["per"]))
    starts = StepRun.objects.filter(
        run__workspace=moment.call.workspace_id,
        started_at__gt=started_at - min(window, timedelta(days=366)),
        started_at__lt=started_at,
    ).exclude(state="waiting", reason="rate")
    if check.get("level") != "installation":
        starts = starts.filter(run__workflow=moment.workflow_id)
    if check.get("level") == "step":
        starts = starts.filter(step=moment.step)
    return starts.count()
