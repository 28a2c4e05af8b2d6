"""Trying guardrails on a text: what each check would see, without a run and without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows_app.agents.core.guardrails import checks_run
from workflows_app.selectors.guardrails import checks_in_force
from workflows_app.services.guardrails import installation_checks

JSON = Any
TEXT_LIMIT = 20_000
# What a text alone decides; the others need a run, or ask a model.
OF_TEXTS = ("personal_data", "injection", "patterns")
ALWAYS_TRIED = ("personal_data", "injection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one check says of a text; `cleaned` is what a redaction would leave."""

    check: str
    is_in_force: bool
    saw: str
    on_trip: str
    cleaned: str


def text_try(text: str, *, workspace_id: Any) -> list[Trial]:
    """Run the checks in force that look at texts, and those that need no settings."""
    wide = installation_checks(workspace_id)
    known = [
        check
        for check in checks_in_force(workspace_id=workspace_id, wide=wide)
        if check.get("check") in OF_TEXTS
    ]
    named = {check["check"] for check in known}
    more = [{"check": name} for name in ALWAYS_TRIED if name not in named]
    found: list[Trial] = []
    for is_in_force, checks in ((True, known), (False, more)):
        for check in checks:
            tried = _tried(text, check, is_in_force)
            if tried not in found:  # set alike in several places
                found.append(tried)
    return found


def _tried(text: str, check: Mapping[str, JSON], is_in_force: bool) -> Trial:
    verdict = _run([{**check, "mode": "on"}], text)
    redacted = _run([{**check, "mode": "on", "on_trip": "redact"}], text).value
    saw = "; ".join(trip.saw for trip in verdict.trips)
    is_watching = check.get("mode") == "observe"
    return Trial(
        check=str(check["check"]),
        is_in_force=is_in_force,
        saw=saw,
        on_trip="observe" if is_watching else str(check.get("on_trip") or "block"),
        cleaned=redacted if saw and isinstance(redacted, str) and redacted != text else "",
    )


def _run(checks: Sequence[Mapping[str, JSON]], text: str) -> Any:
    return checks_run(checks, text, evaluate=_nothing)


def _nothing(source: str, **more: JSON) -> JSON:
    """Evaluate nothing: checks that look at texts ask for nothing."""
    return None
