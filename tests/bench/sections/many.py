"""A thousand runs started one by one, and fifty runs that wait for slow calls."""

from tests.bench.definitions import calls, chain
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher

RUNS, AT_ONCE = 1000, 50


def measure(rounds: int) -> list[Figure]:
    """Count runs in a second of one worker process."""
    subject, watcher = Subject(chain(3)), Watcher()
    watcher.span([subject.start({"n": 0}) for _ in range(20)])
    rates = [
        RUNS / watcher.span([subject.start({"n": 0}) for _ in range(RUNS)]) for _ in range(rounds)
    ]
    slow = Subject(calls(5, 0.5))
    seconds = [watcher.span(slow.start_all([{}] * AT_ONCE)) for _ in range(rounds)]
    return [
        Figure(
            section="many",
            name="three no-op steps, 1,000 runs one by one",
            unit="runs/s",
            values=rates,
            target=400,
            is_rate=True,
        ),
        Figure(
            section="many",
            name="five calls of 500 ms, 50 runs at once",
            unit="s",
            values=seconds,
            target=2.60,
        ),
    ]
