"""The kind `escalation`: tiers that hand a case on until one resolves it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from workflows_app.core.definition.markers import Condition, Fixed, StepSpec
from workflows_app.core.definition.models import ID_PATTERN
from workflows_app.core.expressions.problems import ExpressionError, ExpressionProblem
from workflows_app.core.expressions.templates import text_of
from workflows_app.core.kinds import Call, Done, Kind
from workflows_app.steps.criteria import clauses
from workflows_app.steps.inner import as_group, edge
from workflows_app.steps.settings import Settings

CRITERIA_VARIABLES = ("output", "error", "elapsed", "attempts")
_OPEN, _UNRESOLVED = "_open", "_unresolved"
_TOLD = 500  # characters of a result that a summary repeats


class Tier(Settings):
    """One handler, and when it passes the case on."""

    name: Annotated[Fixed, Field(min_length=1, max_length=100)]
    step: Annotated[dict[str, Any], StepSpec(more=("attempts",))]
    escalate_when: Annotated[str, Condition(more=CRITERIA_VARIABLES)] | None = None


class EscalationSettings(Settings):
    """The tiers in their order."""

    tiers: Annotated[list[Tier], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _the_last_never_escalates(self) -> "EscalationSettings":
        if self.tiers[-1].escalate_when is not None:
            raise ValueError("the last tier has nobody to escalate to: remove its escalate_when")
        names = [tier.name for tier in self.tiers]
        if len(set(names)) != len(names):
            raise ValueError("each tier needs a name of its own")
        return self


class EscalationKind(Kind):
    """Hand a case from tier to tier, with everything that was tried."""

    name = "escalation"
    settings = EscalationSettings
    label = "Escalation"
    group = "People"
    summary = "Hands a case from tier to tier, with all that was tried, until one resolves it."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `unresolved`."""
        return ("unresolved",)

    def expand(self, step: dict[str, Any]) -> dict[str, Any]:
        """Give a group for each tier, and after each a step that judges it."""
        tiers = step["with"].get("tiers") or []
        steps: list[dict[str, Any]] = [{"id": _OPEN, "kind": HandOnKind.name, "with": {}}]
        edges: list[dict[str, str]] = []
        before = _OPEN
        for index, tier in enumerate(tiers):
            group, judge = _tier_steps(tier, index, before)
            way_in = before if before == _OPEN else f"{before}.escalate"
            edges += [
                edge(way_in, group["id"]),
                edge(group["id"], judge["id"]),
                edge(f"{group['id']}.error", judge["id"]),
            ]
            steps += [group, judge]
            before = judge["id"]
        value = {
            "tier": f"=steps.{before}.output.tier",
            "output": f"=steps.{before}.output.output",
            "attempts": f"=steps.{before}.output.attempts",
        }
        end = {"id": _UNRESOLVED, "kind": "end", "with": {"outcome": "unresolved", "value": value}}
        edges.append(edge(f"{before}.escalate", _UNRESOLVED))
        return as_group(step, {"steps": [*steps, end], "edges": edges})


def _tier_steps(
    tier: Mapping[str, Any], index: int, before: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    name = tier["name"]
    is_plain = re.fullmatch(ID_PATTERN, name) and not name.startswith("_")
    group_id = name if is_plain else f"tier_{index + 1}"
    inner = {**tier["step"], "id": tier["step"].get("id") or "handle"}
    if index:
        inner = _briefed(inner, f"{{{{ steps.{before}.output.summary }}}}")
    group = {
        "id": group_id,
        "kind": "group",
        "name": name,
        "with": {
            "body": {"steps": [inner], "edges": []},
            "values": {"attempts": f"=steps.{before}.output.attempts"},
        },
    }
    settings: dict[str, Any] = {
        "tier": name,
        "attempts": f"=steps.{before}.output.attempts",
        "opened_at": f"=steps.{_OPEN}.output.at",
        "output": f"=steps.{group_id}.output",
        "error": f"=steps.{group_id}.error",
        "state": f"=steps.{group_id}.state",
    }
    if tier.get("escalate_when") is not None:
        settings["escalate_when"] = tier["escalate_when"]
    return group, {"id": f"_after_{index + 1}", "kind": HandOnKind.name, "with": settings}


def _briefed(step: dict[str, Any], summary: str) -> dict[str, Any]:
    """Put the summary of what was tried where the next handler reads: prompt or details."""
    settings = dict(step.get("with") or {})
    if isinstance(settings.get("prompt"), str):
        settings["prompt"] = _with_text(settings["prompt"], summary)
    elif step.get("kind") == "approval":
        details = settings.get("details")
        settings["details"] = _with_text(details, summary) if details else summary
    return {**step, "with": settings}


def _with_text(text: Any, summary: str) -> Any:
    if not isinstance(text, str) or text.startswith("="):
        return text
    return f"{text}\n\n{summary}"


class HandOnSettings(Settings):
    """The case so far, what the tier gave, and when to hand it on."""

    tier: Fixed | None = None
    attempts: Any = None
    opened_at: Any = None
    output: Any = None
    error: Any = None
    state: Any = None
    escalate_when: Annotated[str, Condition(more=CRITERIA_VARIABLES)] | None = None


class HandOnKind(Kind):
    """Judge a tier's result; only expansions use it. Without a tier it opens the case."""

    name = "hand_on"
    primitive = "pure"
    is_hidden = True
    settings = HandOnSettings
    label = "Hand on"
    summary = "Decides whether a case goes to the next tier, and sums up what was tried."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give `escalate`."""
        return ("escalate",)

    def run(self, call: Call) -> Done:
        """Give `{tier, output, attempts}`, by `escalate` with a summary for the next tier."""
        settings, now = call.settings, datetime.now(UTC)
        at = now.isoformat().replace("+00:00", "Z")
        if settings.get("tier") is None:
            return Done(output={"at": at, "attempts": []})
        failed = settings.get("state") != "succeeded"
        output = None if failed else settings.get("output")
        error = settings.get("error") if failed else None
        attempt = {"tier": settings["tier"], "output": output, "error": error, "at": at}
        attempts = [*(settings.get("attempts") or []), attempt]
        result = {"tier": settings["tier"], "output": output, "attempts": attempts}
        why, criteria = _judged(call, attempts, now)
        if why is None:
            return Done(output=result)
        told = {"summary": _summary(attempts, why), "why": why, "criteria": criteria}
        return Done(output={**result, **told}, port="escalate")


def _judged(
    call: Call, attempts: list[dict[str, Any]], now: datetime
) -> tuple[str | None, list[dict[str, Any]]]:
    """Tell why the case goes on, None where the tier has resolved it, and how each criterion stood.

    A criterion is `{when, held}`; `held` is None where it could not be judged.
    """
    last, source = attempts[-1], call.settings.get("escalate_when")
    if call.settings.get("state") != "succeeded":
        error = last["error"] or {}
        why = f"it failed: {error.get('message') or error.get('code') or 'no reason given'}"
        return why, [{"when": f"error: {error.get('code') or 'failed'}", "held": True}]
    if source is None:
        return None, []
    opened = datetime.fromisoformat(call.settings["opened_at"])
    values = {
        "output": last["output"],
        "error": last["error"],
        "elapsed": (now - opened).total_seconds(),
        "attempts": attempts,
    }
    try:
        held = call.evaluate(source, **values)
    except ExpressionError as error:
        why = f"its criterion could not be judged ({error.message})"
        return why, _each(call, source, values)
    if not held:
        return None, []
    return f"its criterion is met: {source}", _each(call, source, values)


def _each(call: Call, source: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Judge every criterion by itself, so that a person sees all that sent the case on."""
    found = []
    for clause in clauses(source):
        try:
            held: bool | None = bool(call.evaluate(clause, **values))
        except (ExpressionError, ExpressionProblem):
            held = None
        found.append({"when": clause, "held": held})
    return found


def _summary(attempts: list[dict[str, Any]], why: str) -> str:
    lines = ["What was tried so far:"]
    for attempt in attempts:
        result = attempt["error"] if attempt["output"] is None else attempt["output"]
        told = text_of(result)
        told = told if len(told) <= _TOLD else told[:_TOLD] + " ..."
        lines.append(f"- {attempt['tier']} at {attempt['at']}: {told or 'nothing'}")
    lines.append(f"Handed on by {attempts[-1]['tier']}: {why}.")
    return "\n".join(lines)
