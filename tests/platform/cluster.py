"""The production layout in small: servers on TCP ports, two of every role, started by hand."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project.supervisor.children import child_kill, child_start
from project.supervisor.postgres import Postgres
from project.supervisor.valkey import Valkey
from tests.conftest import FAST, served
from tests.platform.installation import ROOT


@dataclass
class Cluster:
    """Addresses and processes of one layout."""

    folder: Path
    environment: dict[str, str]
    web: list[int]
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    token: str = ""

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start one role."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = child_start(
                [sys.executable, ROOT / "manage.py", *command],
                environment={**self.environment, **environment},
                log=log,
            )

    def manage(self, *command: str) -> str:
        """Run one command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, method: str, path: str, body: Any = None, *, web: int = 0) -> tuple[int, Any]:
        """Call the API of one of the web processes."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web[web]}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def wait_ready(self, web: int) -> None:
        """Wait until a web process can do its work."""
        until(lambda: self._is_ready(web))

    def _is_ready(self, web: int) -> bool:
        try:
            return self.call("GET", "/ready", web=web)[0] == 200
        except OSError:
            return False

    def publish(self, slug: str, definition: dict[str, Any]) -> None:
        """Create a workflow and publish it, each by another web process if there are two."""
        body = {"name": definition["name"], "slug": slug, "definition": definition}
        status, made = self.call("POST", "/api/v1/workflows", body)
        assert status == 201, made
        body = {"revision": made["draft"]["revision"], "note": "first"}
        status, version = self.call("POST", f"/api/v1/workflows/{slug}/publish", body)
        assert status == 201, version

    def run_start(self, slug: str, given: dict[str, Any], *, web: int = 0) -> str:
        """Start a run and return its id."""
        body = {"input": given}
        status, run = self.call("POST", f"/api/v1/workflows/{slug}/runs", body, web=web)
        assert status == 201, run
        return str(run["id"])

    def run_end(self, run: str, *, web: int = 0, seconds: float = 120) -> dict[str, Any]:
        """Wait until a run has ended and return it."""
        ended = {"succeeded", "failed", "cancelled", "timed_out", "compensated"}

        def look() -> dict[str, Any] | None:
            _, found = self.call("GET", f"/api/v1/runs/{run}", web=web)
            return found if found["state"] in ended else None

        return until(look, seconds=seconds)

    def logs(self) -> str:
        """Return what every process wrote."""
        paths = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text()}" for path in paths)


def until(look: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Look again and again, until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
    return found


def free_port() -> int:
    """Return a port that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def cluster_run(
    folder: Path, *, settings: Mapping[str, str] = FAST, **environment: str
) -> Iterator[Cluster]:
    """Run PostgreSQL and Valkey on TCP; roles are started by the test and ended here."""
    database = Postgres(
        data=folder / "db",
        sockets=folder,
        log=folder / "postgres.log",
        settings=settings,
        port=free_port(),
        tcp=True,
    )
    broker = Valkey(sockets=folder, log=folder / "valkey.log", port=free_port())
    with ExitStack() as stack:
        stack.enter_context(served(database))
        stack.enter_context(served(broker))
        made = Cluster(
            folder=folder,
            web=[free_port(), free_port()],
            environment={
                "DATABASE_URL": database.url,
                "BROKER_URL": broker.url,
                "SECRET_KEY": "one key for all of them",
                "COUNTERSIGN_HOME": str(folder / "home"),
                "COUNTERSIGN_ROLE": "",
                **environment,
            },
        )
        try:
            yield made
        finally:
            for process in made.processes.values():
                child_kill(process)
