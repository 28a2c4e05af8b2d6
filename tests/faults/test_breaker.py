"""A breaker is one for all worker processes: what one of them found out spares the others."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.product import Product, product_run
from tests.faults.sink import Sink

pytestmark = pytest.mark.slow
ONCE = {"attempts": 1}


@pytest.fixture
def product() -> Iterator[tuple[Product, Sink]]:
    with Sink(status=503) as sink, product_run(sink, WORKERS="2", WORKER_SLOTS="2") as made:
        yield made, sink


def test_two_worker_processes_share_a_breaker(product):
    made, sink = product
    rule = {"open_for": "10m"}
    made.tool("sink.get", f"http://{sink.address}/call", effect="none", breaker=rule)
    call = {"id": "call", "kind": "tool", "with": {"tool": "sink.get"}, "retry": ONCE}
    either = {"id": "either", "kind": "merge", "with": {"mode": "list"}}
    made.publish(
        "away",
        {
            "format": 1,
            "name": "Away",
            "input": {"type": "object"},
            "steps": [call, either],
            "edges": [{"from": "call", "to": "either"}, {"from": "call.error", "to": "either"}],
        },
    )

    def errors(count: int) -> tuple[Counter[str], set[str]]:
        """Give how many runs met which error, and which processes carried them out."""
        runs = [made.begin("away", {}) for _ in range(count)]
        codes: Counter[str] = Counter()
        for run in runs:
            made.run_until(run)
            step = next(one for one in made.steps(run) if one["path"] == "call")
            codes[step["error"]["code"]] += 1
        ended = [event for run in runs for event in made.history(run)]
        return codes, {
            event["actor"]
            for event in ended
            if event["type"] == "step.ended" and event["path"] == "call"
        }

    first, _ = errors(8)
    until_open = sink.count()
    later, workers = errors(24)

    assert first["http_503"] == until_open >= 5
    assert len(workers) == 2
    assert later == {"breaker_open": 24}
    assert sink.count() == until_open
