"""Three durable steps that do nothing, one run at a time."""

from tests.bench.definitions import chain
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher, milliseconds

WARM, TIMES = 10, 40


def measure(rounds: int) -> list[Figure]:
    """Time from the service call to the result that is seen in the database."""
    subject, watcher = Subject(chain(3)), Watcher()

    def once() -> None:
        watcher.run_seen(subject.start({"n": 0}))

    values = [milliseconds(once) for _ in range(WARM + TIMES)][WARM:]
    return [
        Figure(
            section="chain", name="three no-op steps, one run", unit="ms", values=values, target=7
        )
    ]
