"""A body that hands one item to the worker it names, and keeps what came of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workflows_app.agents.steps.dispatch_kinds import WorkPickKind, WorkResultKind
from workflows_app.core.kinds import COMMON_PORTS, GATE_PORTS, kinds

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
    about = {"task": "=item", "workflow": "=run.workflow"}
    pick = {
        "id": "_pick",
        "kind": WorkPickKind.name,
        "with": {**about, "workers": dict(zip(workers, names, strict=True))},
    }
    result = {
        "id": "_result",
        "kind": WorkResultKind.name,
        "with": {**about, "outputs": dict(outputs or {})},
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
