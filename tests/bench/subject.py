"""What the starter does again and again: publish, start, and see a result."""

import os
import time
from collections.abc import Sequence
from datetime import datetime
from threading import Event
from typing import Any
from uuid import UUID

import psutil
import psycopg
from django.conf import settings

from workflows_app.models import User, Workflow, WorkflowVersion
from workflows_app.services.definitions import workflow_create, workflow_publish
from workflows_app.services.people import workspace_default
from workflows_app.services.start import run_start, runs_start

JSON = Any
LOOK = 0.001  # seconds between two looks at a run
LONGEST = 300.0  # seconds that anything here may take
ENDED = ("succeeded", "failed", "cancelled", "timed_out", "compensated")


class Subject:
    """One published workflow, started as its owner by calls of the service."""

    def __init__(self, definition: JSON) -> None:
        self.owner = User.objects.get(username="owner")
        self.workflow: Workflow = workflow_create(
            name=definition["name"],
            definition=definition,
            actor=self.owner,
            workspace=workspace_default(),
        )
        self.version: WorkflowVersion = workflow_publish(
            workflow=self.workflow, revision=self.workflow.revision, actor=self.owner
        )[0]

    def start(self, given: JSON) -> UUID:
        """Start one run."""
        return run_start(input=given, **self._common())[0].pk

    def start_all(self, inputs: Sequence[JSON]) -> list[UUID]:
        """Start many runs in one transaction."""
        return [run.pk for run in runs_start(inputs=inputs, **self._common())]

    def _common(self) -> dict[str, Any]:
        return {
            "workflow": self.workflow,
            "version": self.version,
            "user": self.owner,
            "actor": f"user:{self.owner.username}",
            "via": "bench",
        }


class Watcher:
    """Looks at rows on a connection of its own."""

    def __init__(self) -> None:
        options = settings.DATABASES["default"]
        self.connection = psycopg.connect(
            dbname=options["NAME"], user=options["USER"], host=options["HOST"], autocommit=True
        )

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return self.connection.execute(query, values, prepare=True).fetchall()

    def run_seen(self, run_id: UUID) -> None:
        """Return as soon as a run is seen to have succeeded."""
        query = "SELECT state FROM workflows_app_run WHERE id = %s"
        state = self._until(lambda: self._ended(query, run_id), LOOK)
        assert state == "succeeded", f"run {run_id} ended as {state}"

    def _ended(self, query: str, run_id: UUID) -> str | None:
        state = self.rows(query, run_id)[0][0]
        return state if state in ENDED else None

    def span(self, run_ids: Sequence[UUID]) -> float:
        """Wait for runs and return the seconds from the first start to the last end."""
        unfinished = (
            "SELECT 1 FROM workflows_app_run WHERE id = ANY(%s) AND finished_at IS NULL LIMIT 1"
        )
        ids = list(run_ids)
        self._until(lambda: not self.rows(unfinished, ids), 0.01)
        found = self.rows(
            "SELECT min(created_at), max(finished_at), count(*) FILTER (WHERE state = 'succeeded')"
            " FROM workflows_app_run WHERE id = ANY(%s)",
            ids,
        )
        begun, ended, good = found[0]
        assert good == len(ids), f"{len(ids) - good} runs did not succeed"
        assert isinstance(begun, datetime)
        return (ended - begun).total_seconds()

    def wait_for(self, query: str, *values: Any) -> None:
        """Wait until a query gives a true value."""
        self._until(lambda: self.rows(query, *values)[0][0], 0.05)

    def _until(self, look: Any, pause: float) -> Any:
        deadline, nobody = time.monotonic() + LONGEST, Event()
        while not (found := look()):
            assert time.monotonic() < deadline, "it did not end"
            nobody.wait(pause)
        return found


def milliseconds(call: Any) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def worker_process() -> psutil.Process:
    """Return the one worker."""
    return psutil.Process(int(os.environ["BENCH_WORKER"]))


def peak_forget(process: psutil.Process) -> None:
    """Let the peak of a process's memory begin anew; only the operator of the machine may."""
    with open(f"/proc/{process.pid}/clear_refs", "w") as control:  # noqa: PTH123 no file to make
        control.write("5")


def peak_megabytes(process: psutil.Process) -> float:
    """Return the most memory that a process held."""
    with open(f"/proc/{process.pid}/status") as status:  # noqa: PTH123
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmHWM"].split()[0]) / 1000
