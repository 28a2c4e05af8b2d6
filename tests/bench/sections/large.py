"""Ten thousand items beside one thousand: the time of one, and the worker's memory."""

from tests.bench.definitions import mapped_nothing
from tests.bench.figures import Figure
from tests.bench.subject import (
    Subject,
    Watcher,
    peak_forget,
    peak_megabytes,
    worker_process,
)

SMALL, LARGE, UNLIMITED = 1000, 10_000, 10_000


def measure(rounds: int) -> list[Figure]:
    """Time both and read the worker's peak after the large one."""
    subject, watcher, worker = Subject(mapped_nothing(UNLIMITED)), Watcher(), worker_process()

    def once(items: int) -> float:
        return watcher.span([subject.start({"items": [0] * items})]) / items

    once(SMALL)
    small = [once(SMALL) for _ in range(rounds)]
    peak_forget(worker)
    large = [once(LARGE) for _ in range(rounds)]
    usual = sorted(small)[len(small) // 2]
    return [
        Figure(
            section="large",
            name="an item of 1,000",
            unit="ms",
            values=[value * 1000 for value in small],
        ),
        Figure(
            section="large",
            name="an item of 10,000",
            unit="ms",
            values=[value * 1000 for value in large],
        ),
        Figure(
            section="large",
            name="an item of 10,000, to one of 1,000",
            unit="times",
            values=[value / usual for value in large],
            target=1.3,
        ),
        Figure(
            section="large",
            name="the worker's memory, 10,000 items",
            unit="MB",
            values=[peak_megabytes(worker)],
            target=300,
        ),
    ]
