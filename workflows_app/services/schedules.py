"""Schedules: each second every scheduler starts what is due, and each time fires once."""

from datetime import datetime

from django.db import transaction

from workflows_app.core.events import event_shape
from workflows_app.core.schedules import schedule_latest, schedule_next
from workflows_app.models import WorkflowTrigger
from workflows_app.services.clock import database_now
from workflows_app.services.triggers_fire import trigger_start

_AT_ONCE = 100


def schedules_fire(now: datetime) -> int:
    """Start the runs of schedules whose time has come; give how many fired.

    Times that passed while nobody looked give one run, for the newest of them. The row lock
    divides the work among schedulers, and (trigger, time) is unique besides.
    """
    count = 0
    while count < _AT_ONCE and _fire_one():
        count += 1
    return count


@transaction.atomic
def _fire_one() -> bool:
    now = database_now()
    trigger = (
        WorkflowTrigger.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(kind="schedule", is_active=True, next_at__lte=now, workflow__archived_at=None)
        .select_related("version", "workflow", "workflow__workspace")
        .order_by("next_at")
        .first()
    )
    if trigger is None or trigger.next_at is None:
        return False
    line, zone = trigger.settings["schedule"], trigger.settings.get("zone") or "UTC"
    fire_at = schedule_latest(line, zone, due=trigger.next_at, now=now)
    event = event_shape(
        id=f"{trigger.pk}/{fire_at.isoformat()}",
        source=f"/triggers/{trigger.pk}",
        type="schedule",
        subject=None,
        time=fire_at,
        data=None,
        extensions={},
    )
    trigger_start(trigger, event=event, fire_at=fire_at)
    trigger.next_at = schedule_next(line, zone, fire_at)
    trigger.save(update_fields=["next_at"])
    return True
