"""`kill -9` of each process in the middle of many runs: all runs end, and nothing counts twice."""

import signal
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.faults.product import CHAIN_CALLS, Product, chain_check, chain_publish, product_run
from tests.faults.sink import Sink

pytestmark = pytest.mark.slow
RUNS = 20
CALLS = RUNS * len(CHAIN_CALLS)


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink(delay=0.2) as made:
        yield made


@pytest.fixture(scope="module")
def product(sink: Sink) -> Iterator[Product]:
    with product_run(sink) as made:
        chain_publish(made, sink)
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
