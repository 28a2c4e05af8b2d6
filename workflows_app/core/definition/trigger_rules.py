"""Rules about triggers: events, schedules and webhooks that start runs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import BaseModel

from workflows_app.core.definition.expression_rules import Names, condition_check, value_check
from workflows_app.core.definition.input_rules import inputs_check
from workflows_app.core.definition.markers import Condition
from workflows_app.core.definition.models import EventTrigger, ScheduleTrigger, WebhookTrigger
from workflows_app.core.definition.problems import Findings
from workflows_app.core.definition.shape import shape_check

JSON = Any
_MODELS: dict[str, type[BaseModel]] = {
    "event": EventTrigger,
    "schedule": ScheduleTrigger,
    "webhook": WebhookTrigger,
}
_NAMES = Names(frozenset({"event"}), frozenset(), frozenset())
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # a line that is sound at one time always is


def triggers_check(document: Mapping[str, JSON], findings: Findings) -> None:
    """Check each trigger of a definition."""
    triggers = document.get("triggers")
    seen: set[JSON] = set()
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        pointer = f"/triggers/{index}"
        kind = _kind(trigger)
        if kind is None:
            message = "a trigger has one of event, schedule and webhook"
            findings.add("invalid_value", message, pointer=pointer)
            continue
        shape_check(trigger, _MODELS[kind], findings, pointer=pointer)
        _trigger(trigger, kind, pointer, document.get("input"), findings)
        if kind == "webhook" and isinstance(trigger["webhook"], str):
            if trigger["webhook"] in seen:
                message = f"two webhooks are called {trigger['webhook']}"
                findings.add("duplicate_trigger", message, pointer=f"{pointer}/webhook")
            seen.add(trigger["webhook"])


def _kind(trigger: JSON) -> str | None:
    named = [name for name in _MODELS if isinstance(trigger, Mapping) and name in trigger]
    return named[0] if len(named) == 1 else None


def _trigger(
    trigger: Mapping[str, JSON], kind: str, pointer: str, schema: JSON, findings: Findings
) -> None:
    if isinstance(trigger.get("where"), str):
        where = f"{pointer}/where"
        condition_check(trigger["where"], Condition(), _NAMES, findings, pointer=where, step=None)
    where = f"{pointer}/input"
    value_check(trigger.get("input"), _NAMES, findings, pointer=where, step=None)
    given = trigger.get("input", {} if kind == "schedule" else None)
    inputs_check(given, schema, findings, pointer=where, step=None, what="the workflow")
    if kind == "schedule":
        _schedule(trigger, pointer, findings)


def _schedule(trigger: Mapping[str, JSON], pointer: str, findings: Findings) -> None:
    try:
        ZoneInfo(str(trigger.get("zone", "UTC")))
    except (ValueError, OSError, KeyError):
        message = f"there is no time zone {str(trigger.get('zone'))[:60]!r}"
        findings.add("bad_zone", message, pointer=f"{pointer}/zone")
    try:
        next(CronSim(str(trigger["schedule"]), _ANY_TIME))
    except (CronSimError, StopIteration):
        message = f"{str(trigger['schedule'])[:60]!r} is not a cron line such as 0 9 * * 1-5"
        findings.add("bad_schedule", message, pointer=f"{pointer}/schedule")
