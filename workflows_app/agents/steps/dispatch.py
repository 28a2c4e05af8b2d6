"""A body that hands one item to the worker it names, and keeps what came of it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from workflows_app.agents.core.schemas import schema_problem
from workflows_app.core.definition.markers import SchemaDocument
from workflows_app.core.kinds import COMMON_PORTS, GATE_PORTS, Call, Done, Kind, kinds

JSON = Any
_BRIEF = "\n\nInput: {{ item.input }}\n\nEarlier results: {{ item.earlier }}"


def dispatch_body(
    workers: Mapping[str, Mapping[str, JSON]], outputs: Mapping[str, JSON] | None = None
) -> dict[str, JSON]:
    """Give the body of one item `{id, worker, input, earlier}`.

    Args:
        workers: the step of each worker, by its name.
        outputs: the schema that a worker's result must follow, by its name.
    """
    names = step_ids(list(workers))
    pick = {
        "id": "_pick",
        "kind": "decision",
        "with": {
            "branches": [
                {"port": step_id, "when": f"item.worker == {json.dumps(name)}"}
                for step_id, name in zip(names, workers, strict=True)
            ]
        },
    }
    result = {
        "id": "_result",
        "kind": WorkResultKind.name,
        "with": {"task": "=item", "outputs": dict(outputs or {})},
    }
    steps, edges = [pick], [{"from": "_pick.default", "to": "_result"}]
    for step_id, worker in zip(names, workers.values(), strict=True):
        step = _briefed({**worker, "id": step_id})
        steps.append(step)
        edges.append({"from": f"_pick.{step_id}", "to": step_id})
        edges += [{"from": f"{step_id}.{port}", "to": "_result"} for port in _ports(step)]
    return {"steps": [*steps, result], "edges": edges, "output": "=steps._result.output"}


def step_ids(names: Sequence[str]) -> list[str]:
    """Give each name a step id of its own: `orders.lookup` becomes `orders_lookup`."""
    ids: list[str] = []
    for name in names:
        step_id = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:60] or "worker"
        step_id = step_id if step_id[0].isalpha() else f"worker_{step_id}"
        while step_id in (*ids, "default", "done", "error"):
            step_id += "_"
        ids.append(step_id)
    return ids


def _ports(step: Mapping[str, JSON]) -> list[str]:
    """Every port leads to the result: a worker that fails or is refused is reported."""
    kind = kinds().get(str(step.get("kind")))
    ports = [*COMMON_PORTS, *(kind.ports(step.get("with") or {}) if kind else ())]
    if step.get("approval") or step.get("review"):
        ports += GATE_PORTS
    return list(dict.fromkeys(ports))


def _briefed(step: dict[str, JSON]) -> dict[str, JSON]:
    """Put the item's input where the worker reads it, unless the worker does so itself."""
    settings = dict(step.get("with") or {})
    match step.get("kind"):
        case "tool" if not settings.get("arguments"):
            settings["arguments"] = "=item.input"
        case "workflow" if not settings.get("input"):
            settings["input"] = "=item.input"
        case "model" | "router" | "agent":
            prompt = settings.get("prompt")
            if isinstance(prompt, str) and "item." not in prompt and not prompt.startswith("="):
                settings["prompt"] = prompt + _BRIEF
    return {**step, "with": settings}


class WorkResultSettings(BaseModel):
    """Whose result it is, and what it must look like."""

    model_config = ConfigDict(extra="forbid")

    task: JSON
    outputs: SchemaDocument


class WorkResultKind(Kind):
    """Give `{id, worker, output, error}` of one item; only expansions use it."""

    name = "work_result"
    primitive = "pure"
    reads_sources = True
    is_hidden = True
    settings = WorkResultSettings
    label = "Result"
    summary = "Keeps what a worker gave, or why it gave nothing."

    def run(self, call: Call) -> Done:
        task = call.settings["task"]
        taken = [one for name, one in call.sources.items() if name != "_pick" and one.taken]
        result = {"id": task["id"], "worker": task["worker"], "output": None, "error": None}
        if not taken:
            said = task.get("error") or f"there is no worker {task['worker']}"
            result["error"] = {"code": "not_done", "message": said}
        elif taken[0].error:
            result["error"] = taken[0].error
        else:
            result["output"] = taken[0].output
            schema = (call.settings.get("outputs") or {}).get(task["worker"])
            if schema and (problem := schema_problem(taken[0].output, schema)):
                result["output"] = None
                result["error"] = {"code": "output_invalid", "message": problem}
        return Done(output=result)
