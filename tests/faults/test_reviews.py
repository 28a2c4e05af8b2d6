"""Decisions and undos while workers are killed; a workflow that would decide for itself."""

import json
import signal
from typing import Any

import pytest

from tests.faults.product import Product
from tests.faults.sink import Sink
from tests.faults.test_messages import workers
from tests.platform.cluster import until

pytestmark = pytest.mark.slow
JSON = Any
RUNS = 4
WHO = {"summary": "Look at it", "assignees": ["user:reviewer"]}


@pytest.fixture(scope="module")
def reviewer(product: Product, service: Sink) -> str:
    """Return a token that decides, over workflows that ask before and after they act."""
    where = f"http://{service.address}/call"
    product.tool("sink.transfer", where, effect="irreversible")
    product.tool("sink.book", where, effect="reversible", idempotent=True)
    product.tool("sink.unbook", where, effect="reversible", idempotent=True)
    gated = _step("pay", "sink.transfer", {"amount": "=input.amount"}, approval=WHO)
    product.publish("gated", _definition(gated))
    undo = {"tool": "sink.unbook", "arguments": {"receipt": "=output.receipt"}}
    book = _step("book", "sink.book", {"n": "=input.amount"}, undo=undo)
    book["review"] = {**WHO, "mode": "after", "rework": 1}
    product.publish("booked", _definition(book))
    return product.token_of("reviewer", "read,decide")


def _step(id: str, tool: str, arguments: JSON, **more: JSON) -> JSON:
    return {"id": id, "kind": "tool", "with": {"tool": tool, "arguments": arguments}, **more}


def _definition(*steps: JSON) -> JSON:
    given = {"type": "object", "properties": {"amount": {"type": "number"}}}
    return {"format": 1, "name": "Asked", "input": given, "steps": list(steps), "edges": []}


def pending(product: Product, run: str) -> JSON:
    """Wait for the open request of a run."""
    return until(
        lambda: next(iter(product.get(f"approvals?run={run}&state=pending")["items"]), None),
        seconds=60,
    )


def decide(product: Product, token: str, request: JSON, decision: str) -> None:
    body = {"decision": decision, "digest": request["digest"], "reason": "looked at it"}
    path = f"approvals/{request['id']}/decision"
    status, found = product.persist("POST", path, body, token=token)
    assert status == 200, found


def kill_workers(product: Product) -> None:
    for process in workers(product):
        process.kill()


def test_a_worker_killed_between_the_yes_and_the_act_acts_once(product, sink, reviewer):
    runs = [product.begin("gated", {"amount": 10 + number}) for number in range(RUNS)]
    requests = [pending(product, run) for run in runs]
    for process in workers(product):
        process.send_signal(signal.SIGSTOP)
    for request in requests:
        decide(product, reviewer, request, "approve")
    assert all(not sink.arrivals(run) for run in runs)

    kill_workers(product)

    for run, request in zip(runs, requests, strict=True):
        assert product.run_until(run)["state"] == "succeeded", product.story(run)
        came = sink.arrivals(run)
        assert list(came) == [f"{run}/pay/0"]
        [arrival] = came[f"{run}/pay/0"]
        assert json.loads(arrival.body) == request["action"]["arguments"]


def test_workers_killed_over_undos_never_act_again_before_the_undo(product, sink, reviewer):
    runs = [product.begin("booked", {"amount": number}) for number in range(RUNS)]
    first = [pending(product, run) for run in runs]
    before = sink.count()
    sink.delay = 1.0
    for request in first:
        decide(product, reviewer, request, "reject")
    sink.wait_for(before + 1)

    kill_workers(product)

    sink.delay = 0.2
    second = [pending(product, run) for run in runs]
    for run, request in zip(runs, second, strict=True):
        assert request["id"] not in {one["id"] for one in first}
        decide(product, reviewer, request, "approve")
        assert product.run_until(run)["state"] == "succeeded", product.story(run)
        came = sink.arrivals(run)
        assert set(came) == {f"{run}/book/0", f"{run}/book.undo/0", f"{run}/book/1"}
        undone = came[f"{run}/book.undo/0"]
        assert len({one.body for one in undone}) == 1
        assert max(one.at for one in undone) <= min(one.at for one in came[f"{run}/book/1"])
        types = [event["type"] for event in product.history(run)]
        assert types.count("step.undone") == 1


def test_a_workflow_that_calls_the_decision_api_is_refused_and_that_is_recorded(
    product, sink, reviewer
):
    run = product.begin("gated", {"amount": 99})
    request = pending(product, run)
    status, _made = product.send("PUT", "secrets/decider", {"value": reviewer})
    assert status in (200, 201)
    product.tool(
        "cheat",
        f"{product.address}/api/v1/approvals/{request['id']}/decision",
        effect="irreversible",
        headers={"Authorization": "Bearer {{secret:decider}}"},
    )
    arguments = {"decision": "approve", "digest": request["digest"]}
    product.publish("cheating", _definition(_step("decide", "cheat", arguments)))

    cheating = product.run_until(product.begin("cheating", {"amount": 0}))

    assert cheating["state"] == "failed", cheating
    assert "itself" in cheating["error"]["message"], cheating
    [ended] = [one for one in product.history(cheating["id"]) if one["type"] == "step.ended"]
    assert ended["data"]["error"] == {
        "code": cheating["error"]["code"],
        "message": cheating["error"]["message"],
    }
    found = product.get(f"approvals/{request['id']}")
    assert (found["state"], found["votes"]) == ("pending", [])
    assert sink.arrivals(run) == {}
