"""The kind `guard`: checks a value on its way."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.core.guardrails import checks_run
from workflows_app.agents.redaction import redact
from workflows_app.agents.steps.guardrail_settings import AnyGuardrail
from workflows_app.core.definition.markers import Literal as Untouched
from workflows_app.core.kinds import Call, Done, Kind, StepError

JSON = Any


class GuardSettings(BaseModel):
    """Check a value; what trips decides whether it goes on."""

    model_config = ConfigDict(extra="forbid")

    checks: Annotated[list[AnyGuardrail], Untouched()] = Field(min_length=1)
    value: JSON = Field(description="What is checked, and goes on.")


class GuardKind(Kind):
    """Gives the value, redacted where a check asks for it; a block takes `blocked`."""

    name = "guard"
    primitive = "call"
    settings = GuardSettings
    label = "Guard"
    group = "Safety"
    summary = "Checks a value: what trips is blocked, redacted, or noted."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return ("blocked",)

    def run(self, call: Call) -> Done:
        verdict = checks_run(
            call.settings["checks"], call.settings.get("value"), evaluate=call.evaluate
        )
        details = {"guardrails": [redact(trip.record()) for trip in verdict.trips]}
        match verdict.action:
            case None:
                return Done(output=verdict.value, details=details if verdict.trips else None)
            case "fallback":
                raise StepError("blocked", verdict.why, details=details)
        return Done(output={"blocked": verdict.why}, port="blocked", details=details)
