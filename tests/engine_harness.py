"""Small tools for tests of the engine: a workflow from a body, a worker, a run driven to rest."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection
from pydantic import BaseModel, ConfigDict

from workflows_app import notify
from workflows_app.core.canonical import digest
from workflows_app.core.expand import expand
from workflows_app.core.kinds import Call, Done, Kind, StepError, Suspend, kinds, register
from workflows_app.core.states import RUN_TERMINAL, Effect, RunState
from workflows_app.models import Run, RunEvent, StepRun, Workflow, WorkflowVersion, Workspace
from workflows_app.services.start import run_start
from workflows_app.worker import Worker

JSON = Any


class ScriptSettings(BaseModel):
    """`name` finds the function in SCRIPTS; `value` is handed to it."""

    model_config = ConfigDict(extra="forbid")

    name: str = "echo"
    value: Any = None
    effect: str = "none"
    is_idempotent: bool = True


SCRIPTS: dict[str, Callable[[Call], Done | Suspend]] = {}


def script(name: str) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Register what a `script` step of that name does."""

    def keep(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        known = SCRIPTS.setdefault(name, function)
        if known.__module__ != function.__module__:
            raise ValueError(f"{known.__module__} has a script named {name} already")
        SCRIPTS[name] = function
        return function

    return keep


@script("echo")
def _echo(call: Call) -> Done:
    return Done(output=call.settings.get("value"))


@script("boom")
def _boom(call: Call) -> Done:
    raise StepError("boom", "it went wrong")


@script("flaky")
def _flaky(call: Call) -> Done:
    """Fail until the attempt that `value` names."""
    if call.attempt < int(call.settings["value"]):
        raise StepError("flaky", f"attempt {call.attempt} failed", retryable=True)
    return Done(output=call.attempt)


class Script(Kind):
    """A leaf whose behaviour a test writes."""

    name: ClassVar[str] = "script"
    label: ClassVar[str] = "Script"
    summary: ClassVar[str] = "Does what a test writes."
    primitive: ClassVar[Any] = "call"
    settings: ClassVar[type[BaseModel]] = ScriptSettings

    def ports(self, settings: Any) -> tuple[str, ...]:
        return ("left", "right", "blocked")

    def effect(self, settings: Any) -> Effect:
        return Effect(settings.get("effect") or "none")

    def is_idempotent(self, settings: Any) -> bool:
        return bool(settings.get("is_idempotent", True))

    def run(self, call: Call) -> Done | Suspend:
        return SCRIPTS[call.settings.get("name") or "echo"](call)


def kinds_prepare() -> None:
    """Make the test kind known."""
    if "script" not in kinds():
        register(Script())


def step(id: str, name: str = "echo", value: JSON = None, **more: JSON) -> dict[str, JSON]:
    """Give a `script` step."""
    settings = {"name": name, "value": value}
    for key in ("effect", "is_idempotent"):
        if key in more:
            settings[key] = more.pop(key)
    return {"id": id, "kind": "script", "with": settings, **more}


def edges(*pairs: str) -> list[dict[str, str]]:
    """Give edges from words such as `a>b` and `a.error>c`."""
    found = []
    for pair in pairs:
        source, target = pair.split(">")
        found.append({"from": source, "to": target})
    return found


def version_make(
    steps: list[JSON], edges: list[JSON] | None = None, **more: JSON
) -> WorkflowVersion:
    """Publish a definition as it stands, without the checks of the editor."""
    kinds_prepare()
    definition = {"format": 1, "name": "Test", "steps": steps, "edges": edges or [], **more}
    workspace, _ = Workspace.objects.get_or_create(
        slug="test", defaults={"name": "Test", "is_default": True}
    )
    slug = f"test-{Workflow.objects.count()}"
    workflow = Workflow.objects.create(workspace=workspace, slug=slug, name=slug, draft=definition)
    return WorkflowVersion.objects.create(
        workflow=workflow,
        number=1,
        digest=digest(definition),
        definition=definition,
        expanded=expand(definition),
    )


def run_make(version: WorkflowVersion, input: JSON = None, **more: JSON) -> Run:
    """Start a run of a version."""
    run, _ = run_start(
        workflow=version.workflow,
        version=version,
        input={} if input is None else input,
        user=more.pop("user", None),
        actor="user:tester",
        via="test",
        **more,
    )
    return run


@contextmanager
def worker_running(slots: int = 8) -> Iterator[Worker]:
    """Run a worker in this process."""
    worker = Worker(slots=slots)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        notify.local_worker = None


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until the condition holds; fail the test when it does not in time."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.01)


def at_rest(run_id: UUID) -> bool:
    """Tell whether a run has ended, or waits for something from outside."""
    run = Run.objects.get(pk=run_id)
    if RunState(run.state) in RUN_TERMINAL or run.state == RunState.PAUSED:
        return True
    waits = StepRun.objects.filter(run=run, is_current=True, state="waiting")
    return (
        run.state == RunState.WAITING
        and not waits.filter(reason__in=["retry", "timer", "child", "exclusive"]).exists()
        and Run.objects.filter(pk=run_id, sequence=run.sequence).exists()  # nothing moved meanwhile
    )


def run_to_rest(
    version: WorkflowVersion, input: JSON = None, *, slots: int = 8, **more: JSON
) -> Run:
    """Start a run, carry it out with a worker, and give it once it rests."""
    with worker_running(slots):
        run = run_make(version, input, **more)
        until(lambda: at_rest(run.pk))
    connection.close()
    return Run.objects.get(pk=run.pk)


def states(run: Run) -> dict[str, str]:
    """Give the state of each step by path, of the current generations."""
    return dict(StepRun.objects.filter(run=run, is_current=True).values_list("path", "state"))


def events(run: Run, type: str = "") -> list[str]:
    """Give the history as words: `step.ended a succeeded`."""
    found = RunEvent.objects.filter(run=run).order_by("sequence")
    if type:
        found = found.filter(type=type)
    return [" ".join(filter(None, (one.type, one.path, one.to_state))) for one in found]
