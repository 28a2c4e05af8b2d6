"""Start servers and roles as in production, run chains and a wide map, print a table."""

import argparse
import itertools
import json
import platform
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from project.supervisor.postgres import DURABLE
from tests.platform.cluster import Cluster, cluster_run
from tests.platform.installation import ROOT

CHAIN, MANY, WIDE = 40, 16, 1000
HERE = Path(__file__).parent


def main() -> None:
    """Measure, print and keep the figures in `bench-results`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--others", help="the Python of the environment with the other engines")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
    try:
        with cluster_run(folder, settings=DURABLE) as cluster:
            try:
                rows = measure(cluster, options.workers)
            except AssertionError:
                print(cluster.logs())
                raise
            for name in ("dbos", "langgraph") if options.others else ():
                rows.append(other(cluster, name, options.others))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(rows)
    keep(rows)


def measure(cluster: Cluster, workers: int) -> list[dict[str, Any]]:
    """Return the figures of this product."""
    cluster.manage("prepare")
    cluster.start("web", "web", PORT=str(cluster.web[0]))
    for index in range(workers):
        cluster.start(f"worker{index}", "worker", "--scheduler", "--name", str(index))
    cluster.wait_ready(0)
    scopes = ("--scope", "read,run,design,decide,admin")
    cluster.token = cluster.manage("create_token", "--user", "owner", *scopes).split()[-1]
    for slug, definition in (("chain", chain(CHAIN)), ("wide", wide())):
        cluster.publish(slug, definition)
    timed(cluster, "chain", 2, {"n": 0})
    one = timed(cluster, "chain", 1, {"n": 0})
    many = timed(cluster, "chain", MANY, {"n": 0})
    mapped = timed(cluster, "wide", 1, {"items": list(range(WIDE))})
    return [
        figures(
            "countersign, 1 worker" if workers == 1 else f"countersign, {workers} workers",
            one,
            many,
        ),
        {"engine": f"countersign, map of {WIDE:,}", "items_per_s": WIDE / mapped},
    ]


def timed(cluster: Cluster, slug: str, runs: int, given: dict[str, Any]) -> float:
    """Return the seconds from the first start to the last end, by the database's clock."""
    ids = [cluster.run_start(slug, given) for _ in range(runs)]
    ended = [cluster.run_end(run) for run in ids]
    assert {run["state"] for run in ended} == {"succeeded"}, ended
    begun = min(datetime.fromisoformat(run["created_at"]) for run in ended)
    last = max(datetime.fromisoformat(run["finished_at"]) for run in ended)
    return (last - begun).total_seconds()


def other(cluster: Cluster, name: str, python: str) -> dict[str, Any]:
    """Return the figures of another engine, on a database of its own on the same server."""
    url = cluster.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE bench_{name}")
    address = url.rsplit("/", 1)[0] + f"/bench_{name}"
    command = [python, str(HERE / f"{name}_chain.py"), address, str(CHAIN), str(MANY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found = json.loads(done.stdout.splitlines()[-1])
    return figures(name, found["one"], found["many"])


def figures(engine: str, one: float, many: float) -> dict[str, Any]:
    """Return one row of the table."""
    return {
        "engine": engine,
        "ms_per_step": one / CHAIN * 1000,
        "steps_per_s": CHAIN * MANY / many,
    }


def chain(steps: int) -> dict[str, Any]:
    """Return a definition of pure steps one after the other."""
    names = [f"s{index}" for index in range(steps)]
    previous = ["input.n", *(f"steps.{name}.output.n" for name in names)]
    return {
        "format": 1,
        "name": "Chain",
        "input": {"type": "object", "properties": {"n": {"type": "number"}}},
        "steps": [
            {"id": name, "kind": "transform", "with": {"value": {"n": f"={source} + 1.0"}}}
            for name, source in zip(names, previous, strict=False)
        ],
        "edges": [{"from": a, "to": b} for a, b in itertools.pairwise(names)],
    }


def wide() -> dict[str, Any]:
    """Return a definition that maps a list with one pure step for each item."""
    body = {"steps": [{"id": "one", "kind": "transform", "with": {"value": "=item + 1.0"}}]}
    return {
        "format": 1,
        "name": "Wide",
        "input": {"type": "object", "properties": {"items": {"type": "array"}}},
        "steps": [
            {
                "id": "all",
                "kind": "map",
                "with": {"items": "=input.items", "concurrency": 32, "body": {**body, "edges": []}},
            }
        ],
        "edges": [],
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(f"\n{'engine':32}{'one run, ms a step':>20}{f'{MANY} runs, steps a second':>28}")
    for row in rows:
        if "items_per_s" in row:
            print(f"{row['engine']:32}{'':>20}{row['items_per_s']:>22.0f} items")
        else:
            print(f"{row['engine']:32}{row['ms_per_step']:>20.1f}{row['steps_per_s']:>28.0f}")


def keep(rows: list[dict[str, Any]]) -> None:
    """Write the figures down, with what they were measured on."""
    folder = ROOT / "bench-results"
    folder.mkdir(exist_ok=True)
    machine = {"system": platform.platform(), "python": platform.python_version()}
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S.json")
    (folder / name).write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
