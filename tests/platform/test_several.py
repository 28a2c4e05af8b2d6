"""Two web, two worker and two scheduler processes on one database and one broker, over TCP."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.platform.cluster import Cluster, cluster_run, until

RUNS, STEPS = 12, 6
CHAIN = {
    "format": 1,
    "name": "Chain",
    "input": {"type": "object", "properties": {"n": {"type": "number"}}},
    "steps": [
        {"id": f"s{index}", "kind": "delay", "with": {"for": "200ms"}} for index in range(STEPS)
    ],
    "edges": [{"from": f"s{index}", "to": f"s{index + 1}"} for index in range(STEPS - 1)],
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
    with cluster_run(folder, LEASE_SECONDS="3", WORKER_SLOTS="16") as made:
        yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_every_run_ends_once_though_a_worker_and_a_scheduler_are_killed(cluster):
    for index in (0, 1):
        port = str(cluster.web[index])
        cluster.start(f"web{index}", "web", PORT=port)
        cluster.start(f"worker{index}", "worker", "--name", str(index))
        cluster.start(f"scheduler{index}", "scheduler")
    prepared = cluster.manage("prepare")
    cluster.wait_ready(0)
    cluster.wait_ready(1)
    scopes = "read,run,design,decide,admin"
    cluster.token = cluster.manage("create_token", "--user", "owner", "--scope", scopes).split()[-1]
    cluster.publish("chain", CHAIN)

    runs = [cluster.run_start("chain", {"n": n}, web=n % 2) for n in range(RUNS)]
    until(lambda: ended_steps(cluster, runs) > RUNS)
    cluster.processes["worker0"].kill()
    cluster.processes["scheduler0"].kill()
    states = [cluster.run_end(run, web=1)["state"] for run in runs]

    assert prepared.count("Sign in as") == 2
    assert states == ["succeeded"] * RUNS, cluster.logs()
    for run in runs:
        ended = Counter(
            event["path"] for event in events(cluster, run) if event["type"] == "step.ended"
        )
        assert ended == {f"s{index}": 1 for index in range(STEPS)}


def events(cluster: Cluster, run: str) -> list[dict[str, Any]]:
    status, found = cluster.call("GET", f"/api/v1/runs/{run}/events?limit=200")
    assert status == 200, found
    return found["items"]


def ended_steps(cluster: Cluster, runs: list[str]) -> int:
    return sum(event["type"] == "step.ended" for run in runs for event in events(cluster, run))
