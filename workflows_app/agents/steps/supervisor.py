"""The kind `supervisor`: a model splits a task, workers do the parts, the model judges."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.ask import ask_value
from workflows_app.agents.core.plans import (
    MAX_STEPS,
    outputs_of,
    results_add,
    results_told,
    workers_told,
)
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.core.schemas import schema_problem
from workflows_app.agents.core.stand_in import stand_in_value
from workflows_app.agents.steps.dispatch import dispatch_body
from workflows_app.agents.steps.model import user_message
from workflows_app.agents.steps.plan import worker_about
from workflows_app.agents.steps.plan_parts import workers_known
from workflows_app.agents.steps.rails import guarded, with_rails
from workflows_app.core.definition.markers import (
    Duration,
    ExpressionText,
    Fixed,
    SchemaDocument,
    StepSpec,
)
from workflows_app.core.definition.markers import Literal as Untouched
from workflows_app.core.kinds import Call, Done, Kind

JSON = Any
LIMIT = 5


class Worker(BaseModel):
    """One specialised worker with the schemas of what goes in and comes out."""

    model_config = ConfigDict(extra="forbid")

    step: Annotated[dict[str, Any], StepSpec(more=("item",), is_handed_input=True)]
    input: SchemaDocument | None = None
    output: SchemaDocument | None = None
    timeout: Duration | None = None


class SupervisorSettings(BaseModel):
    """Let a model split a task among workers."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed = Field(description="A model's role.")
    prompt: str = Field(description="The task; {{ }} fills data in.")
    workers: dict[str, Worker] = Field(min_length=1)
    limit: Annotated[int, Field(ge=1, le=50)] | ExpressionText = Field(
        default=LIMIT, description="Rounds of work at most."
    )


class SupervisorKind(Kind):
    """Becomes a loop `round`: split, a map over the tasks, judge."""

    name = "supervisor"
    needs_model = True
    settings = SupervisorSettings
    label = "Supervisor"
    group = "Work"
    summary = "A model splits a task among workers, checks what they give, and puts it together."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return ("exhausted",)

    def expand(self, step: dict[str, JSON]) -> dict[str, JSON]:
        settings = step.get("with") or {}
        inner = ("kind", "with", "retry", "guardrails")
        outer = {key: value for key, value in step.items() if key not in inner}
        outer |= guarded(step, "after")
        result = {
            "answer": "=steps.round.output.last.answer",
            "results": "=steps.round.output.last.shown",
        }
        body = {
            "steps": [
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
            ],
            "edges": [
                {"from": "_task", "to": "round"},
                {"from": "round", "to": "_result"},
                {"from": "round.exhausted", "to": "_spent"},
            ],
            "output": "=steps._result.output",
        }
        return {**outer, "kind": "group", "with": {"body": body}}


def _round(settings: Mapping[str, JSON], step: Mapping[str, JSON]) -> dict[str, JSON]:
    workers = settings.get("workers") or {}
    retry = {"retry": step["retry"]} if step.get("retry") else {}
    common = {
        "model": settings.get("model"),
        "prompt": "=steps._task.output",
        "workers": {
            name: {**worker_about(worker.get("step") or {}), "input": worker.get("input")}
            for name, worker in workers.items()
        },
        "previous": "=previous",
    }
    outputs = {name: worker["output"] for name, worker in workers.items() if worker.get("output")}
    steps = [
        {"id": "split", "kind": "supervisor_split", "with": common, **retry},
        {
            "id": "task",
            "kind": "map",
            "with": {
                "items": "=steps.split.output.tasks",
                "body": dispatch_body(
                    with_rails(
                        {name: _worker_step(worker) for name, worker in workers.items()}, step
                    ),
                    outputs,
                ),
            },
        },
        {
            "id": "judge",
            "kind": "supervisor_judge",
            "with": {**common, "items": "=steps.task.output.items"},
            **retry,
        },
    ]
    edges = [{"from": "split", "to": "task"}, {"from": "task", "to": "judge"}]
    return {"steps": steps, "edges": edges, "output": "=steps.judge.output"}


def _worker_step(worker: Mapping[str, JSON]) -> dict[str, JSON]:
    step = dict(worker.get("step") or {})
    if worker.get("timeout"):
        step["timeout"] = worker["timeout"]
    return step


class SplitSettings(BaseModel):
    """The task, and what came before."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed
    prompt: JSON
    workers: Annotated[dict[str, Any], Untouched()]
    previous: JSON = None


class SplitKind(Kind):
    """Give `{tasks: [{id, worker, input, earlier, error}]}`; later rounds have theirs already."""

    name = "supervisor_split"
    primitive = "call"
    needs_model = True
    is_hidden = True
    settings = SplitSettings
    label = "Split"
    summary = "Has a model split a task among workers."

    def run(self, call: Call) -> Done:
        settings = call.settings
        previous = settings.get("previous") or {}
        workers = workers_known(call, settings["workers"])
        if previous.get("tasks"):
            return Done(output={"tasks": _tasks(previous["tasks"], workers, previous)})
        prompt = str(settings.get("prompt") or "")
        request = ModelRequest(
            messages=user_message(prompt),
            system=_SPLITTING.format(workers=workers_told(workers)),
            schema=_object({"tasks": _tasks_schema(workers)}, ["tasks"]),
            stand_in={"tasks": _stand_in_tasks(workers, prompt)},
        )
        asked = ask_value(call, [settings["model"]], request)
        tasks = _tasks(asked.value["tasks"], workers, previous)
        return Done(output={"tasks": tasks}, usage=asked.usage, details=asked.details)


class SupervisorJudgeSettings(SplitSettings):
    """The same, and what the workers gave."""

    items: JSON


class SupervisorJudgeKind(Kind):
    """Give `{done, answer, tasks, results, shown}`."""

    name = "supervisor_judge"
    primitive = "call"
    needs_model = True
    is_hidden = True
    settings = SupervisorJudgeSettings
    label = "Judge"
    summary = "Has a model check what workers gave, and answer or hand out more."

    def run(self, call: Call) -> Done:
        settings = call.settings
        previous = settings.get("previous") or {}
        workers = workers_known(call, settings["workers"])
        results = results_add(previous.get("results") or {}, settings.get("items") or [])
        shown = outputs_of(results)
        schema = _object(
            {"done": {"type": "boolean"}, "answer": {}, "tasks": _tasks_schema(workers)}, ["done"]
        )
        told = f"The task:\n{settings.get('prompt')}\n\nWhat came back:\n{results_told(results)}"
        request = ModelRequest(
            messages=user_message(told),
            system=_JUDGING.format(workers=workers_told(workers)),
            schema=schema,
            stand_in={"done": True, "answer": _stand_in_answer(shown), "tasks": []},
        )
        asked = ask_value(call, [settings["model"]], request)
        output = {
            "done": asked.value["done"],
            "answer": asked.value.get("answer"),
            "tasks": asked.value.get("tasks") or [],
            "results": results,
            "shown": shown,
        }
        return Done(output=output, usage=asked.usage, details=asked.details)


_SPLITTING = "Split the task into tasks for these workers:\n{workers}"
_JUDGING = (
    "Check what the workers gave. If the task is answered, set done and give the answer; "
    "if not, give the tasks that are still needed, for these workers:\n{workers}"
)


def _object(properties: dict[str, JSON], required: list[str]) -> dict[str, JSON]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


def _tasks_schema(workers: Mapping[str, JSON]) -> dict[str, JSON]:
    task = _object(
        {
            "id": {"type": "string"},
            "worker": {"type": "string", "enum": list(workers)},
            "input": {"type": "object"},
        },
        ["id", "worker", "input"],
    )
    return {"type": "array", "maxItems": MAX_STEPS, "items": task}


def _tasks(
    asked: list[Mapping[str, JSON]], workers: Mapping[str, JSON], previous: Mapping[str, JSON]
) -> list[dict[str, JSON]]:
    """Give the tasks as the workers' bodies take them; a bad input is reported, not sent."""
    earlier = {name: result["output"] for name, result in (previous.get("results") or {}).items()}
    tasks = []
    for task in asked:
        schema = workers[task["worker"]].get("input") if task["worker"] in workers else None
        problem = schema_problem(task["input"], schema) if schema else None
        tasks.append(
            {
                "id": task["id"],
                "worker": "" if problem else task["worker"],
                "input": task["input"],
                "earlier": earlier,
                "error": f"{task['worker']} does not take this input: {problem}" if problem else "",
            }
        )
    return tasks


def _stand_in_tasks(workers: Mapping[str, Mapping[str, JSON]], prompt: str) -> list[JSON]:
    return [
        {"id": f"task_{number}", "worker": name, "input": _filled(worker, prompt)}
        for number, (name, worker) in enumerate(workers.items(), start=1)
    ]


def _filled(worker: Mapping[str, JSON], prompt: str) -> JSON:
    filled = stand_in_value(worker.get("input") or {"type": "object"}, [prompt])
    return filled if isinstance(filled, dict) else {}


def _stand_in_answer(shown: Mapping[str, JSON]) -> str:
    return f"Put together by the stand-in model: {json.dumps(shown, ensure_ascii=False)[:1000]}"
