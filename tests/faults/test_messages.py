"""Messages lost and doubled, processes stopped and restarted, decisions cut off: all of it ends."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import psutil
import pytest
from celery import Celery
from redis import Redis

from project.environment import embedded_broker_url, socket_folder
from tests.faults.product import CHAIN_CALLS, LOST, Product, chain_check
from tests.faults.sink import Sink
from tests.platform.cluster import until

pytestmark = pytest.mark.slow
RUNS = 10
LEASE = 3.0  # seconds
ASKED = {
    "format": 1,
    "name": "Asked",
    "input": {"type": "object"},
    "steps": [
        {
            "id": "call",
            "kind": "tool",
            "with": {"tool": "sink.put", "arguments": {}},
            "approval": {"summary": "Call it", "assignees": ["user:reviewer"]},
        }
    ],
    "edges": [],
}


@pytest.fixture(scope="module")
def reviewer(product: Product) -> str:
    """Return a token that decides, over a workflow that asks."""
    product.publish("asked", ASKED)
    return product.token_of("reviewer", "read,decide")


def begin(product: Product) -> list[str]:
    return [product.begin("chain", {"n": number}) for number in range(RUNS)]


def workers(product: Product) -> list[psutil.Process]:
    return [
        p for p in product.family() if "worker" in p.cmdline() and "manage.py" in str(p.cmdline())
    ]


# --- messages ---


def test_every_message_is_lost(product, sink):
    broker = Redis(unix_socket_path=str(socket_folder(product.home) / "broker.sock"))
    stopped = workers(product)
    for process in stopped:
        process.suspend()
    runs = begin(product)
    until(lambda: broker.llen("steps"))
    broker.flushall()
    for process in stopped:
        process.resume()

    sink.wait_for(sink.count() + 1)
    broker.flushall()
    late = product.begin("chain", {"n": 0})

    for run in [*runs, late]:
        chain_check(product, sink, run)
    broker.close()


def test_every_message_comes_several_times(product, sink):
    with Celery(broker=embedded_broker_url(product.home)) as messages:
        messages.conf.task_default_queue = "steps"
        before, runs = sink.count(), begin(product)
        for share in range(1, 4):
            for run in [*runs, *runs]:
                messages.send_task("workflows.runs_advance", args=[[run]])
            messages.send_task("workflows.runs_advance", args=[runs])
            messages.send_task("workflows.steps_advance")
            sink.wait_for(before + share * RUNS)

    for run in runs:
        chain_check(product, sink, run)
        assert all(step["attempt"] == 1 for step in product.steps(run)), product.story(run)


# --- processes ---


def test_a_worker_stops_for_longer_than_its_leases(product, sink):
    sink.delay = 1.0
    before, runs = sink.count(), begin(product)
    sink.wait_for(before + RUNS)
    stopped, began = workers(product)[0], time.monotonic()
    stopped.suspend()
    sink.delay = 0.2

    for run in runs:
        chain_check(product, sink, run)
    lost = [step for run in runs for step in product.steps(run) if step["attempt"] > 1]
    until(lambda: time.monotonic() - began > 2 * LEASE)
    stopped.resume()

    later = begin(product)
    until(lambda: any(_works(product, run, stopped.pid) for run in later))
    assert lost, "the stopped worker had nothing to do"
    for run in [*later, *runs]:
        chain_check(product, sink, run)


def _works(product: Product, run: str, pid: int) -> bool:
    return any(str(event["actor"]).endswith(f":{pid}") for event in product.history(run))


def test_the_database_restarts(product, sink):
    before, runs = sink.count(), begin(product)
    sink.wait_for(before + RUNS * len(CHAIN_CALLS) // 3)

    postgres = product.server("postgres")
    postgres.send_signal(signal.SIGINT)
    postgres.wait(30)

    for run in runs:
        chain_check(product, sink, run)


# --- decisions ---


def test_decisions_on_their_way_while_the_web_process_dies(product, sink, reviewer):
    def strike(requests: list[dict]) -> None:
        for request in requests:
            post_and_leave(product, reviewer, request)
        product.role("web").kill()

    decided_once(product, sink, reviewer, strike)


def test_decisions_made_while_the_web_process_is_away(product, sink, reviewer):
    def strike(requests: list[dict]) -> None:
        threads = [
            threading.Thread(target=decide, args=[product, reviewer, request])
            for request in requests
        ]
        product.role("web").kill()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    decided_once(product, sink, reviewer, strike)


def decided_once(
    product: Product, sink: Sink, token: str, strike: Callable[[list[dict]], None]
) -> None:
    """Have decisions cut off; each has counted once or not at all, and can be made again."""
    runs = [product.begin("asked", {}) for _ in range(RUNS)]
    for run in runs:
        product.run_until(run, {"waiting"})
    requests = [product.get(f"approvals?run={run}")["items"][0] for run in runs]

    strike(requests)

    for request in requests:
        path = f"approvals/{request['id']}"
        assert len(product.get(path)["votes"]) <= 1
        status, found = product.persist("POST", f"{path}/decision", answer(request), token=token)
        assert (status, found["state"]) == (200, "approved"), found
        assert len(found["votes"]) == 1
    for run in runs:
        assert product.run_until(run)["state"] == "succeeded", product.story(run)
        types = [event["type"] for event in product.history(run)]
        assert types.count("approval.decided") == 1, product.story(run)
        assert types.count("step.ended") == 1
        [arrivals] = sink.arrivals(run).values()
        assert len(arrivals) == 1


def answer(request: dict) -> dict:
    return {"decision": "approve", "digest": request["digest"]}


def decide(product: Product, token: str, request: dict) -> None:
    """Decide once; whoever answers may die over it."""
    with suppress(*LOST):
        product.send("POST", f"approvals/{request['id']}/decision", answer(request), token=token)


def post_and_leave(product: Product, token: str, request: dict) -> None:
    """Send a decision and do not wait for what becomes of it."""
    where, body = urlsplit(product.address), json.dumps(answer(request)).encode()
    head = (
        f"POST /api/v1/approvals/{request['id']}/decision HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.encode() + body)
