"""Publishing, driving and reading runs of the workflow patterns.

A task of a pattern is a `wait` for the event `task.done` with the task's name as its subject: the
test says when somebody has done it, so the order of events is the test's own.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection

from tests.engine_harness import run_make, until
from tests.gallery.running import product_running
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.models import EventWait, Run, RunEvent, Workflow
from workflows_app.services.definitions import workflow_create, workflow_publish
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.members import person_create
from workflows_app.services.people import workspace_default
from workflows_app.services.triggers import trigger_fire

JSON = Any
FOLDER = Path(__file__).parent / "definitions"
SIGNS = {"step.started": "+", "step.waiting": "+", "step.ended": "-"}
_numbers = count(1)


def definitions() -> dict[int, Path]:
    """Give the file of each pattern by its number."""
    return {int(path.name[4:6]): path for path in sorted(FOLDER.glob("wcp-*.json"))}


def publish(number: int) -> Workflow:
    """Publish a pattern's definition as any person would: with all checks."""
    workspace = workspace_default()
    author = person_create(username="author", workspace=workspace, roles=["designer"])
    definition = json.loads(definitions()[number].read_text("utf-8"))
    slug = f"wcp-{number}"
    workflow = workflow_create(
        name=slug, slug=slug, definition=definition, actor=author, workspace=workspace
    )
    workflow_publish(workflow=workflow, revision=workflow.revision, note="", actor=author)
    return workflow


class Driven:
    """A run of a pattern, with what a test does to it and reads of it."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def send(self, type: str, subject: str | None = None, data: JSON = None) -> list[JSON]:
        """Send an event from outside; give what it resumed."""
        event = Incoming(
            id=str(next(_numbers)), source="/test", type=type, subject=subject, data=data
        )
        space = self.run.workspace
        return event_receive(workspace=space, event=event, actor="user:x", via="api").resumed

    def done(self, *tasks: str, data: JSON = None) -> None:
        """Do these tasks one after the other, each as soon as it is there to be done."""
        for task in tasks:
            self.reaches(lambda name=task: name in self.tasks())
            self.send("task.done", task, data)
            self.reaches(lambda name=task: name not in self.tasks())

    def tasks(self) -> set[str]:
        """Give the names of the tasks that wait to be done."""
        waits = EventWait.objects.filter(run=self.run, type="task.done", port="", is_open=True)
        return set(waits.values_list("key", flat=True))

    def offered(self, *tasks: str) -> None:
        """Wait until exactly these tasks are there to be done."""
        self.reaches(lambda: self.tasks() == set(tasks))

    def fire(self, trigger: str, path: str) -> None:
        """Fire a trigger of a state machine."""
        trigger_fire(run_id=self.run.pk, path=path, trigger=trigger, data=None, actor="user:x")

    def reaches(self, condition: Any) -> None:
        until(condition, seconds=20)
        connection.close()

    def ended(self) -> Run:
        """Wait for the run's end."""
        self.reaches(lambda: Run.objects.get(pk=self.run.pk).state in RUN_TERMINAL)
        self.run.refresh_from_db()
        return self.run

    def events(self, *types: str) -> list[RunEvent]:
        return list(RunEvent.objects.filter(run=self.run, type__in=types).order_by("sequence"))

    def order(self) -> list[str]:
        """Give the history as words: `+a` began, `-a` ended, `-a.port`, `-a!` was cancelled."""
        return [_word(event) for event in self.events(*SIGNS) if not _only_queues(event)]

    def ends(self) -> list[str]:
        """Give the order in which steps ended."""
        return [word[1:] for word in self.order() if word[0] == "-"]

    def states(self) -> list[str]:
        """Give the states of a machine in the order in which they were entered."""
        return [event.to_state for event in self.events("state.changed")]


def _only_queues(event: RunEvent) -> bool:
    """It is not offered yet, or it goes on doing what it did."""
    return event.type == "step.waiting" and event.data["reason"] != "event"


def _word(event: RunEvent) -> str:
    word = SIGNS[event.type] + event.path
    if word[0] == "+":
        return word
    if event.to_state == "skipped":
        return f"{word}?"
    if event.to_state == "cancelled" and not event.data.get("port"):
        return f"{word}!"
    port = event.data.get("port")
    return word if port in (None, "done") else f"{word}:{port}"


def follows(order: list[str], *words: str) -> bool:
    """Tell whether these words stand in this order, whatever else is between them."""
    rest = iter(order)
    return all(word in rest for word in words)


@contextmanager
def driving(number: int, input: JSON = None) -> Iterator[Driven]:
    """Publish a pattern, start a run and hand it to the test; a worker carries it out."""
    workflow = publish(number)
    with product_running():
        yield Driven(run_make(workflow.versions.get(number=1), input))
