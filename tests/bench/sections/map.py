"""Maps over calls that wait, and over steps that do nothing."""

from tests.bench.definitions import mapped_calls, mapped_nothing
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher

UNLIMITED = 10_000


def measure(rounds: int) -> list[Figure]:
    """Time each map from its start to its end."""
    watcher = Watcher()

    def times(subject: Subject, items: int) -> list[float]:
        given = {"items": [0] * items}
        spans = [watcher.span([subject.start(given)]) * 1000 for _ in range(rounds + 1)]
        return spans[1:]

    free = times(Subject(mapped_calls(0.08, UNLIMITED)), 100)
    ten = times(Subject(mapped_calls(0.08, 10)), 100)
    nothing = times(Subject(mapped_nothing(UNLIMITED)), 1000)
    common = {"section": "map", "unit": "ms"}
    return [
        Figure(name="map of 100 calls of 80 ms, unlimited", values=free, target=110, **common),
        Figure(name="map of 100 calls of 80 ms, 10 at a time", values=ten, target=835, **common),
        Figure(name="map of 1,000 no-op items", values=nothing, target=200, **common),
    ]
