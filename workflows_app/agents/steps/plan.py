"""The kind `plan`: a model writes a plan, workers carry it out, the model judges."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.core.plans import MAX_STEPS
from workflows_app.agents.steps.dispatch import dispatch_body
from workflows_app.agents.steps.rails import guarded, with_rails
from workflows_app.core.definition.markers import Evaluated, ExpressionText, Fixed, StepSpec
from workflows_app.core.definition.markers import Literal as Untouched
from workflows_app.core.kinds import Kind

JSON = Any
LIMIT = 5
Worker = Annotated[dict[str, Any], StepSpec(more=("item",), is_handed_input=True)]


class PlanSettings(BaseModel):
    """Let a model plan the work of others."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed = Field(description="A model's role.")
    prompt: str = Field(description="The task; {{ }} fills data in.")
    workers: dict[str, Worker] = Field(min_length=1, description="A step for each worker.")
    forbid: list[Fixed] = Field(
        default_factory=list, description="Workers and tools that no plan may use."
    )
    approve: Annotated[dict[str, Any], Evaluated()] | None = Field(
        default=None, description="Ask people before a plan runs: a checkpoint's settings."
    )
    limit: Annotated[int, Field(ge=1, le=50)] | ExpressionText = Field(
        default=LIMIT, description="Plans that it may write, unusable ones included."
    )
    review: Annotated[Literal["end", "each"], Untouched()] = Field(
        default="end", description="When the model looks at what came of it."
    )


class PlanKind(Kind):
    """Becomes a loop `round`: write, check, approve, carry out in waves, judge."""

    name = "plan"
    needs_model = True
    settings = PlanSettings
    label = "Plan"
    group = "Work"
    summary = "A model writes a plan for listed workers; it is checked, then carried out."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return ("exhausted", "stopped")

    def expand(self, step: dict[str, JSON]) -> dict[str, JSON]:
        settings = step.get("with") or {}
        inner = ("kind", "with", "retry", "guardrails")
        outer = {key: value for key, value in step.items() if key not in inner}
        outer |= guarded(step, "after")
        return {**outer, "kind": "group", "with": {"body": _body(settings, step)}}


def worker_about(step: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give what a model is told of a worker: `{kind, about, tools}`."""
    settings = step.get("with") or {}
    tools = [settings["tool"]] if isinstance(settings.get("tool"), str) else []
    listed = settings.get("tools")
    for entry in listed if isinstance(listed, list) else ():
        tools.append(entry["tool"] if isinstance(entry, Mapping) else entry)
    about = step.get("description") or step.get("name") or ""
    return {"kind": step.get("kind"), "about": about, "tools": tools}


def _body(settings: Mapping[str, JSON], step: Mapping[str, JSON]) -> dict[str, JSON]:
    result = {
        "results": "=steps.round.output.last.judged.shown",
        "plan": "=steps.round.output.last.written.plan",
    }
    steps = [
        {
            "id": "_task",
            "kind": "transform",
            "with": {"value": settings.get("prompt")},
            **guarded(step, "before"),
        },
        {
            "id": "round",
            "kind": "loop",
            "with": {
                "limit": settings.get("limit", LIMIT),
                "until": "output.done == true",
                "body": _round(settings, step),
            },
        },
        {"id": "_result", "kind": "transform", "with": {"value": result}},
        {"id": "_spent", "kind": "end", "with": {"outcome": "exhausted"}},
        {"id": "_stopped", "kind": "end", "with": {"outcome": "stopped"}},
    ]
    edges = [
        {"from": "_task", "to": "round"},
        {"from": "round", "to": "_result"},
        {"from": "round.exhausted", "to": "_spent"},
    ]
    if settings.get("approve"):
        edges.append({"from": "round.stopped", "to": "_stopped"})
    else:
        steps.pop()
    return {"steps": steps, "edges": edges, "output": "=steps._result.output"}


def _round(settings: Mapping[str, JSON], step: Mapping[str, JSON]) -> dict[str, JSON]:
    workers = with_rails(settings.get("workers") or {}, step)
    settings = {**settings, "workers": workers}
    retry = {"retry": step["retry"]} if step.get("retry") else {}
    write = {
        "id": "write",
        "kind": "plan_write",
        "with": {
            "model": settings.get("model"),
            "prompt": "=steps._task.output",
            "workers": {name: worker_about(worker) for name, worker in workers.items()},
            "forbid": list(settings.get("forbid") or ()),
            "previous": "=previous",
        },
        **retry,
    }
    usable = {"port": "usable", "when": "steps.write.output.valid == true"}
    valid = {"id": "_valid", "kind": "decision", "with": {"branches": [usable]}}
    again = {"id": "_again", "kind": "transform", "with": {"value": None}}
    judge = {"id": "judge", "kind": "plan_judge", "with": _judge(settings, each=False), **retry}
    wave = {
        "id": "wave",
        "kind": "loop",
        "with": {
            "limit": MAX_STEPS,
            "until": "output.done == true",
            "body": _wave(settings, retry),
        },
    }
    steps, edges = [write, valid, again], [{"from": "write", "to": "_valid"}]
    edges.append({"from": "_valid.default", "to": "_again"})
    before = "_valid.usable"
    if settings.get("approve"):
        steps += _approval(settings["approve"])
        edges += [
            {"from": before, "to": "approve"},
            {"from": "approve.stopped", "to": "_stop"},
            {"from": "approve.expired", "to": "_stop"},
        ]
        before = "approve"
    edges += [{"from": before, "to": "wave"}, {"from": "wave", "to": "judge"}]
    output = {
        "done": "=steps.judge.?output.?done.orValue(false)",
        "written": "=steps.write.output",
        "judged": "=steps.judge.output",
    }
    return {"steps": [*steps, wave, judge], "edges": edges, "output": output}


def _approval(approve: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    shown = {"summary": "Carry out this plan?", "show": "=steps.write.output.plan", **approve}
    return [
        {"id": "approve", "kind": "checkpoint", "with": shown},
        {"id": "_stop", "kind": "end", "with": {"outcome": "stopped"}},
    ]


def _judge(settings: Mapping[str, JSON], *, each: bool) -> dict[str, JSON]:
    return {
        "model": settings.get("model"),
        "prompt": "=steps._task.output",
        "plan": "=steps.write.output.plan",
        "gathered": "=steps.gather.output" if each else "=steps.wave.output.last",
        "each": each,
    }


def _wave(settings: Mapping[str, JSON], retry: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the body of one wave: everything that can run now, at once."""
    plan = "=steps.write.output.plan"
    steps = [
        {
            "id": "ready",
            "kind": "plan_ready",
            "with": {
                "plan": plan,
                "results": "=steps.write.output.results",
                "previous": "=previous",
            },
        },
        {
            "id": "step",
            "kind": "map",
            "with": {
                "items": "=steps.ready.output.items",
                "body": dispatch_body(settings.get("workers") or {}),
            },
        },
        {
            "id": "gather",
            "kind": "plan_gather",
            "with": {
                "plan": plan,
                "results": "=steps.ready.output.results",
                "items": "=steps.step.output.items",
            },
        },
    ]
    edges = [{"from": "ready", "to": "step"}, {"from": "step", "to": "gather"}]
    if settings.get("review") != "each":
        return {"steps": steps, "edges": edges, "output": "=steps.gather.output"}
    look = {"id": "look", "kind": "plan_judge", "with": _judge(settings, each=True), **retry}
    edges.append({"from": "gather", "to": "look"})
    return {"steps": [*steps, look], "edges": edges, "output": "=steps.look.output"}
