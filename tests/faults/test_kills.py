"""`kill -9` of each process in the middle of many runs: all runs end, and nothing counts twice."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.faults.conftest import DELAY
from tests.faults.product import CHAIN_CALLS, Product, chain_check, chain_publish, product_run
from tests.faults.sink import Sink

pytestmark = pytest.mark.slow
RUNS = 20
CALLS = RUNS * len(CHAIN_CALLS)


@pytest.fixture(scope="module")
def service() -> Iterator[Sink]:
    with Sink(delay=DELAY) as made:
        yield made


@pytest.fixture(scope="module")
def product(service: Sink) -> Iterator[Product]:
    with product_run(service) as made:
        chain_publish(made, service)
        yield made


def fault(product: Product, sink: Sink, strike: Callable[[], object]) -> None:
    """Start runs, strike when a third of their calls are made, and see that all ends well."""
    before = sink.count()
    runs = [product.begin("chain", {"n": number}, key=uuid4().hex) for number in range(RUNS)]
    sink.wait_for(before + CALLS // 3)
    assert sink.count() < before + CALLS, "the fault came too late"

    strike()

    for run in runs:
        chain_check(product, sink, run)


def test_worker(product, sink):
    fault(product, sink, product.role("worker").kill)


def test_broker(product, sink):
    fault(product, sink, product.server("valkey").kill)


def test_database(product, sink):
    fault(product, sink, product.server("postgres").kill)


def test_web_process(product, sink):
    fault(product, sink, product.role("web").kill)


def test_supervisor(product, sink):
    def strike() -> None:
        product.process.kill()
        product.process.wait(10)
        product.start()

    fault(product, sink, strike)


def test_everything_at_once(product, sink):
    def strike() -> None:
        product.kill_all()
        product.start()

    fault(product, sink, strike)


def test_worker_over_calls_that_must_not_be_repeated(product, sink):
    product.tool("sink.pay", f"http://{sink.address}/call", effect="irreversible")
    step = {"id": "pay", "kind": "tool", "with": {"tool": "sink.pay"}}
    product.publish(
        "pay",
        {"format": 1, "name": "Pay", "input": {"type": "object"}, "steps": [step], "edges": []},
    )
    sink.delay, before = 2.0, sink.count()
    runs = [product.begin("pay", {}) for _ in range(3)]
    sink.wait_for(before + len(runs))

    product.role("worker").kill()

    for run in runs:
        product.run_until(run, {"waiting"})
        [waiting] = product.steps(run)
        assert waiting["waiting_for"]["reason"] == "incident", product.story(run)
        body = {"path": "pay", "reason": "the bank says it is paid", "output": {"receipt": "7"}}
        assert product.persist("POST", f"runs/{run}/skip", body)[0] == 200
        assert product.run_until(run)["state"] == "succeeded", product.story(run)
        assert [len(came) for came in sink.arrivals(run).values()] == [1]
