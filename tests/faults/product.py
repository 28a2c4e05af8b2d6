"""A whole product with a service beside it, and what must hold of its runs after any fault."""

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.faults.sink import Sink
from tests.platform.cluster import until
from tests.platform.installation import ROOT, SERVED, Installation, home_prepared

JSON = Any
ENDED = {"succeeded", "failed", "cancelled", "timed_out", "compensated"}
LOST = (OSError, http.client.HTTPException)  # what a killed server leaves of a request
RETRY = {"attempts": 5, "initial": "200ms", "maximum": "1s"}


class Product(Installation):
    """`manage.py serve` with a token of its owner."""

    def __init__(self, home: Path, **environment: str) -> None:
        super().__init__(home, LEASE_SECONDS="3", **environment)
        self.token = ""

    def prepare(self) -> None:
        """Start it and sign in."""
        self.start()
        self.token = self.token_of("owner", "read,run,design,admin")

    def _read(self, process: "subprocess.Popen[str]") -> None:
        """Listen to the present process; what outlives a killed one may go on talking."""
        assert process.stdout
        with process.stdout as output:
            for line in output:
                self.lines.append(line)
                if process is self.process and (found := SERVED.search(line)):
                    self.address = found[1]
                    self._ready.set()
        if process is self.process:
            self._ready.set()

    def token_of(self, user: str, scopes: str) -> str:
        """Return a new token of a person."""
        done = subprocess.run(
            [sys.executable, "manage.py", "create_token", "--user", user, "--scope", scopes],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.split()[-1]

    def send(
        self,
        method: str,
        path: str,
        body: JSON | bytes = None,
        *,
        token: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, JSON]:
        """Send one request, once; raises one of LOST where the other side died."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/api/v1/{path}",
            method=method,
            data=data,
            headers={
                "Authorization": f"Bearer {token or self.token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())

    def persist(self, *request: Any, seconds: float = 60, **options: Any) -> tuple[int, JSON]:
        """Send a request that may be repeated, until it is answered."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                status, answer = self.send(*request, **options)
            except LOST:
                status, answer = 503, None
            if status < 500:
                return status, answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)

    def get(self, path: str) -> JSON:
        """Return what is there, as soon as it can be had."""
        status, found = self.persist("GET", path)
        assert status == 200, found
        return found

    def tool(self, name: str, url: str, **spec: JSON) -> None:
        """Create a tool."""
        status, made = self.send("PUT", f"tools/{name}", {"url": url, **spec})
        assert status == 201, made

    def publish(self, slug: str, definition: JSON) -> None:
        """Create a workflow and publish it."""
        body = {"name": slug, "slug": slug, "definition": definition}
        status, made = self.send("POST", "workflows", body)
        assert status == 201, made
        body = {"revision": made["draft"]["revision"], "note": "first"}
        status, version = self.send("POST", f"workflows/{slug}/publish", body)
        assert status == 201, version

    def begin(self, slug: str, given: JSON, *, key: str = "") -> str:
        """Start a run and return its id; with a key, however often that takes."""
        send = self.persist if key else self.send
        headers = {"Idempotency-Key": key} if key else {}
        status, run = send("POST", f"workflows/{slug}/runs", {"input": given}, headers=headers)
        assert status in (200, 201), run
        return str(run["id"])

    def run_until(self, run: str, states: set[str] = ENDED, *, seconds: float = 60) -> JSON:
        """Wait until a run is in one of these states and return it."""

        def look() -> JSON:
            found = self.get(f"runs/{run}")
            return found if found["state"] in states else None

        try:
            return until(look, seconds=seconds)
        except AssertionError:
            raise AssertionError(self.story(run)) from None

    def steps(self, run: str) -> list[JSON]:
        """Return the step runs of a run."""
        return self.get(f"runs/{run}/steps?limit=200")["items"]

    def history(self, run: str) -> list[JSON]:
        """Return the whole history of a run."""
        return self.get(f"runs/{run}/events?limit=200")["items"]

    def story(self, run: str) -> str:
        """Return what is known of a run that did not do what it should."""
        parts = [[self.get(f"runs/{run}")], self.steps(run), self.history(run)]
        lines = [json.dumps(one) for part in parts for one in part]
        return "\n".join([*lines, *self.lines[-40:]])

    def kill_all(self) -> None:
        """Kill every process of the installation at once."""
        assert self.process
        family = self.family()
        self.process.kill()
        for process in family:
            _kill(process)
        self.process.wait(10)
        psutil.wait_procs(family, timeout=10)

    def close(self) -> None:
        """Leave no process behind, however the test went."""
        if self.process and self.process.poll() is None:
            self.kill_all()


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


@contextmanager
def product_run(sink: Sink, **environment: str) -> Iterator[Product]:
    """Run a product that may call the sink."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
    home_prepared(folder / "home")
    product = Product(folder / "home", EGRESS_ALLOW=sink.address, **environment)
    try:
        product.prepare()
        yield product
    finally:
        product.close()
        shutil.rmtree(folder, ignore_errors=True)


# --- the workflow that faults happen to ---

ITEMS = 3
CHAIN_CALLS = {"first", *(f"each[{index}].call" for index in range(ITEMS)), "last"}
CHAIN_STEPS = {*CHAIN_CALLS, "each"}


def chain_publish(product: Product, sink: Sink) -> None:
    """Publish `chain`: a call, a map of calls, a call; each has an effect and is idempotent."""
    product.tool(
        "sink.put",
        f"http://{sink.address}/call",
        effect="reversible",
        idempotent=True,
        timeout="8s",
    )
    body = {"steps": [_call("call", {"item": "=item"})], "edges": []}
    product.publish(
        "chain",
        {
            "format": 1,
            "name": "Chain",
            "input": {"type": "object", "properties": {"n": {"type": "number"}}},
            "steps": [
                _call("first", {"n": "=input.n"}),
                {"id": "each", "kind": "map", "with": {"items": list(range(ITEMS)), "body": body}},
                _call("last", {"receipt": "=steps.first.output.receipt"}),
            ],
            "edges": [{"from": "first", "to": "each"}, {"from": "each", "to": "last"}],
        },
    )


def _call(step: str, arguments: JSON) -> JSON:
    settings = {"tool": "sink.put", "arguments": arguments}
    return {"id": step, "kind": "tool", "with": settings, "retry": RETRY}


def chain_check(product: Product, sink: Sink, run: str) -> None:
    """Wait for the end of a run of `chain`; see that all of it happened, and nothing twice."""
    found = product.run_until(run)
    assert found["state"] == "succeeded", product.story(run)
    history = product.history(run)
    assert [event["sequence"] for event in history] == list(range(1, len(history) + 1))
    ended = Counter(_place(event) for event in history if event["type"] == "step.ended")
    assert ended == dict.fromkeys(((path, 0) for path in CHAIN_STEPS), 1), product.story(run)
    assert sum(event["type"] == "run.ended" for event in history) == 1
    _calls_check(product, sink, run, history)


def _calls_check(product: Product, sink: Sink, run: str, history: list[JSON]) -> None:
    """A call is repeated only as an attempt of its own, with the same bytes, before the end."""
    came = sink.arrivals(run)
    assert set(came) == {f"{run}/{path}/0" for path in CHAIN_CALLS}
    attempts = {step["path"]: step["attempt"] for step in product.steps(run)}
    ends = {event["path"]: event["at"] for event in history if event["type"] == "step.ended"}
    for path in CHAIN_CALLS:
        arrivals = came[f"{run}/{path}/0"]
        assert 1 <= len(arrivals) <= attempts[path], (path, attempts, product.story(run))
        assert len({arrival.body for arrival in arrivals}) == 1
        assert max(one.at for one in arrivals) <= datetime.fromisoformat(ends[path])


def _place(event: JSON) -> tuple[str, int]:
    return event["path"], event["generation"]
