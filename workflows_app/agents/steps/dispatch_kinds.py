"""Whom an item goes to, and what came of it: the ends of a body that hands work out.

Each worker has a circuit breaker that all runs of its workflow share. Its failures are counted
where its result is kept, and while it is open its items are given back at once.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from workflows_app.agents.breakers import admit, outcome_count
from workflows_app.agents.core.schemas import schema_problem
from workflows_app.core.definition.markers import Literal as Untouched
from workflows_app.core.definition.markers import SchemaDocument
from workflows_app.core.kinds import Call, Done, Kind, StepError

JSON = Any


class WorkPickSettings(BaseModel):
    """The item, and the steps of the workers by their names."""

    model_config = ConfigDict(extra="forbid")

    task: JSON
    workflow: str
    workers: Annotated[dict[str, str], Untouched()]


class WorkPickKind(Kind):
    """Takes the port of the worker that an item names, unless its breaker is open."""

    name = "work_pick"
    primitive = "call"
    is_hidden = True
    settings = WorkPickSettings
    label = "Pick"
    summary = "Hands an item to the worker that it names."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return (*(settings.get("workers") or {}).values(), "default")

    def run(self, call: Call) -> Done:
        worker = call.settings["task"]["worker"]
        port = call.settings["workers"].get(worker)
        if port is None:
            return Done(output={"worker": worker, "refused": None}, port="default")
        try:
            if call.mode == "live":
                admit(call.workspace_id, breaker_name(call.settings["workflow"], worker))
        except StepError as error:
            refused = {"code": error.code, "message": error.message}
            return Done(output={"worker": worker, "refused": refused}, port="default")
        return Done(output={"worker": worker, "refused": None}, port=port)


class WorkResultSettings(BaseModel):
    """Whose result it is, and what it must look like."""

    model_config = ConfigDict(extra="forbid")

    task: JSON
    outputs: SchemaDocument
    workflow: str | None = None  # versions of before had no breakers for their workers


class WorkResultKind(Kind):
    """Give `{id, worker, output, error}` of one item; only expansions use it."""

    name = "work_result"
    primitive = "call"
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
            result["error"] = _not_done(call, task)
            return Done(output=result)
        if taken[0].error:
            result["error"] = taken[0].error
        else:
            result["output"] = taken[0].output
            schema = (call.settings.get("outputs") or {}).get(task["worker"])
            if schema and (problem := schema_problem(taken[0].output, schema)):
                result["output"] = None
                result["error"] = {"code": "output_invalid", "message": problem}
        if call.settings.get("workflow") and call.mode == "live":
            name = breaker_name(call.settings["workflow"], task["worker"])
            outcome_count(call.workspace_id, name, (taken[0].error or {}).get("code"))
        return Done(output=result)


def breaker_name(workflow: str, worker: str) -> str:
    """Give the name of a worker's breaker: workers of one name differ between workflows."""
    return f"worker:{workflow}.{worker}"


def _not_done(call: Call, task: Mapping[str, JSON]) -> dict[str, JSON]:
    pick = call.sources.get("_pick")
    refused = pick.output.get("refused") if pick and isinstance(pick.output, dict) else None
    if refused:
        return dict(refused)
    said = task.get("error") or f"there is no worker {task['worker']}"
    return {"code": "not_done", "message": said}
