"""The inner steps of a plan: writing it, what is ready, what is done, and the judgement."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.ask import ask_value
from workflows_app.agents.client import model_first, usage_of
from workflows_app.agents.core.answers import answer_read
from workflows_app.agents.core.plans import (
    outputs_of,
    plan_problems,
    plan_ready,
    plan_schema,
    results_add,
    results_told,
    workers_told,
)
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.core.stand_in import stand_in_value
from workflows_app.agents.redaction import redact
from workflows_app.agents.selectors.tools import ToolUnknown, tool_lookup
from workflows_app.agents.steps.model import user_message
from workflows_app.core.definition.markers import Fixed
from workflows_app.core.definition.markers import Literal as Untouched
from workflows_app.core.kinds import Call, Done, Kind

JSON = Any


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Inner(Kind):
    """What the inner steps share."""

    is_hidden = True
    group = "More"


def workers_known(call: Call, workers: Mapping[str, JSON]) -> dict[str, dict[str, JSON]]:
    """Give the workers with what their tools say of themselves, where they say nothing."""
    known = {}
    for name, worker in workers.items():
        told = dict(worker)
        for tool in worker.get("tools") or ():
            if worker.get("kind") != "tool":
                continue
            try:
                spec = tool_lookup(
                    workspace_id=call.workspace_id, name=tool, pins=call.pins.get("tools")
                )
            except ToolUnknown:
                continue
            told["about"] = told.get("about") or spec.description
            told["input"] = told.get("input") or dict(spec.input)
        known[name] = told
    return known


class WriteSettings(_Settings):
    """Who writes the plan, and for which workers."""

    model: Fixed
    prompt: JSON
    workers: Annotated[dict[str, Any], Untouched()]
    forbid: list[str] = Field(default_factory=list)
    previous: JSON = None


class PlanWriteKind(_Inner):
    """Give `{plan, problems, valid, results}`; an invalid plan is told its problems next time."""

    name = "plan_write"
    primitive = "call"
    needs_model = True
    settings = WriteSettings
    label = "Write"
    summary = "Has a model write a plan, and checks it."

    def run(self, call: Call) -> Done:
        settings = call.settings
        workers = workers_known(call, settings["workers"])
        before = _before(settings.get("previous") or {})
        request = ModelRequest(
            messages=user_message(_task(str(settings.get("prompt") or ""), before)),
            system=_PLANNING.format(workers=workers_told(workers)),
            schema=plan_schema(list(workers)),
            stand_in=_stand_in_plan(workers, str(settings.get("prompt") or "")),
        )
        reply = model_first(call, [settings["model"]], request)
        plan, problem = answer_read(reply.text, request.schema or {})
        problems = (
            [problem]
            if problem
            else plan_problems(
                plan, workers, forbid=settings.get("forbid") or (), finished=before["results"]
            )
        )
        output = {
            "plan": plan,
            "problems": problems,
            "valid": not problems,
            "results": before["results"],
        }
        return Done(output=redact(output), usage=usage_of(reply), details=dict(reply.details))


_PLANNING = (
    "Write a plan. Each step goes to one of these workers:\n{workers}\n"
    "A step may name the steps that it depends on; what does not depend on each other runs at "
    "the same time."
)


def _before(previous: Mapping[str, JSON]) -> dict[str, JSON]:
    written, judged = previous.get("written") or {}, previous.get("judged") or {}
    return {
        "plan": written.get("plan"),
        "problems": written.get("problems") or [],
        "results": judged.get("results") or written.get("results") or {},
        "reason": judged.get("reason") or "",
    }


def _task(prompt: str, before: Mapping[str, JSON]) -> str:
    parts = [prompt]
    if before["problems"]:
        parts.append(f"Your last plan was: {json.dumps(before['plan'], ensure_ascii=False)}")
        parts.append("It cannot be used: " + "; ".join(before["problems"]))
    if before["results"]:
        parts.append(f"These steps are done:\n{results_told(before['results'])}")
    if before["reason"]:
        parts.append(f"A new plan is needed: {before['reason']}")
    return "\n\n".join(part for part in parts if part)


def _stand_in_plan(workers: Mapping[str, Mapping[str, JSON]], prompt: str) -> JSON:
    steps: list[dict[str, JSON]] = []
    for name, worker in workers.items():
        filled = stand_in_value(worker.get("input") or {"type": "object"}, [prompt])
        steps.append(
            {
                "id": f"step_{len(steps) + 1}",
                "worker": name,
                "input": filled if isinstance(filled, dict) else {},
                "depends_on": [steps[-1]["id"]] if steps else [],
            }
        )
    return {"steps": steps}


class ReadySettings(_Settings):
    """The plan, and what is done of it."""

    plan: JSON
    results: JSON = None
    previous: JSON = None


class PlanReadyKind(_Inner):
    """Give `{items, results}`: the steps that can run now."""

    name = "plan_ready"
    primitive = "pure"
    settings = ReadySettings
    label = "Ready"
    summary = "Finds the steps of a plan that can run now."

    def run(self, call: Call) -> Done:
        settings = call.settings
        previous = settings.get("previous") or {}
        results = previous.get("results") or settings.get("results") or {}
        return Done(output={"items": plan_ready(settings["plan"], results), "results": results})


class GatherSettings(_Settings):
    """What was done before, and what has just been done."""

    plan: JSON
    results: JSON
    items: JSON


class PlanGatherKind(_Inner):
    """Give `{results, done}`: what is done so far, and whether nothing more can run."""

    name = "plan_gather"
    primitive = "pure"
    settings = GatherSettings
    label = "Gather"
    summary = "Adds what the last steps of a plan gave."

    def run(self, call: Call) -> Done:
        settings = call.settings
        results = results_add(settings.get("results") or {}, settings.get("items") or [])
        left = plan_ready(settings["plan"], results)
        return Done(output={"results": results, "done": not left, "judged": None})


class JudgeSettings(_Settings):
    """What was planned and what came of it."""

    model: Fixed
    prompt: JSON
    plan: JSON
    gathered: JSON
    each: bool = False


class PlanJudgeKind(_Inner):
    """Give `{decision, done, reason, results, shown}`: go on, plan anew, or be done."""

    name = "plan_judge"
    primitive = "call"
    needs_model = True
    settings = JudgeSettings
    label = "Judge"
    summary = "Has a model decide whether a plan goes on, is written anew, or is done."

    def run(self, call: Call) -> Done:
        settings = call.settings
        gathered = settings["gathered"]
        earlier, results = gathered.get("judged"), gathered.get("results") or {}
        if earlier and not settings.get("each") and earlier["decision"] != "continue":
            return Done(output=earlier)  # a review within the plan has decided already
        ways = ["done", "replan"]
        if settings.get("each") and not gathered.get("done"):
            ways = ["continue", "replan", "done"]
        request = ModelRequest(
            messages=user_message(
                _JUDGING.format(
                    task=settings.get("prompt"),
                    plan=json.dumps(settings["plan"], ensure_ascii=False),
                    results=results_told(results),
                )
            ),
            schema=_judgement(ways),
            stand_in={"decision": ways[0], "reason": "decided by the stand-in model"},
        )
        asked = ask_value(call, [settings["model"]], request)
        judged = {
            "decision": asked.value["decision"],
            "done": asked.value["decision"] == "done",
            "reason": asked.value.get("reason") or "",
            "results": results,
            "shown": outputs_of(results),
        }
        output = judged
        if settings.get("each"):
            is_over = bool(gathered.get("done")) or judged["decision"] != "continue"
            output = {"results": results, "done": is_over, "judged": judged}
        return Done(output=output, usage=asked.usage, details=asked.details)


_JUDGING = (
    "The task:\n{task}\n\nThe plan:\n{plan}\n\nWhat came of it:\n{results}\n\n"
    "Is the task done, or is a new plan needed?"
)


def _judgement(ways: list[str]) -> dict[str, JSON]:
    return {
        "type": "object",
        "required": ["decision", "reason"],
        "properties": {
            "decision": {"type": "string", "enum": ways},
            "reason": {"type": "string"},
        },
        "additionalProperties": False,
    }
