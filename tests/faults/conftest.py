"""One installation for the faults that it survives as a whole; kills have one of their own."""

from collections.abc import Iterator

import pytest

from tests.fake_anthropic.server import FakeAnthropic
from tests.faults.product import Product, chain_publish, product_run
from tests.faults.sink import Sink

DELAY = 0.2  # seconds; long enough that a fault finds calls under way


@pytest.fixture(scope="session")
def model() -> Iterator[FakeAnthropic]:
    with FakeAnthropic() as made:
        yield made


@pytest.fixture(scope="session")
def service() -> Iterator[Sink]:
    with Sink(delay=DELAY) as made:
        yield made


@pytest.fixture
def sink(service: Sink) -> Iterator[Sink]:
    """Give the service outside, as quick as it is by default."""
    yield service
    service.delay = DELAY


@pytest.fixture(scope="session")
def product(service: Sink, model: FakeAnthropic) -> Iterator[Product]:
    """Run a product with far fewer connections than slots: nobody may wait while holding one."""
    few = {"WORKERS": "2", "DATABASE_POOL": "3"}
    keys = {"ANTHROPIC_API_KEY": "sk-not-a-real-key", "ANTHROPIC_BASE_URL": model.url}
    with product_run(service, **few, **keys) as made:
        chain_publish(made, service)
        yield made
