"""Reports that a guardrail tripped where nothing was wrong; they count, and change no run."""

from django.db import connection, transaction

from workflows_app.errors import NotFound
from workflows_app.models import AppEvent, Run, RunEvent
from workflows_app.selectors.guardrails import FALSE_ALARM, trip_name
from workflows_app.selectors.people import Principal
from workflows_app.services.members import app_event


@transaction.atomic
def false_alarm_report(*, run: Run, sequence: int, actor: Principal, reason: str = "") -> bool:
    """Record that a trip was a false alarm; a second report of the same changes nothing.

    Returns:
        Whether it is new.

    Raises:
        Forbidden: the actor may not steer runs there.
        NotFound: the run has no such trip.
    """
    actor.require("run", run.workspace_id)
    trip = RunEvent.objects.filter(run=run, sequence=sequence, type="guardrail.tripped").first()
    if trip is None:
        raise NotFound(f"RUN-{run.number} has no tripped guardrail {sequence}.")
    subject = trip_name(run.number, sequence)
    with connection.cursor() as cursor:  # two reports at once are one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [subject])
    if AppEvent.objects.filter(
        workspace=run.workspace_id, type=FALSE_ALARM, object=subject
    ).exists():
        return False
    told = {"check": (trip.data or {}).get("check"), "path": trip.path}
    app_event(run.workspace, FALSE_ALARM, subject, actor.actor, why=reason[:2_000], data=told)
    return True
