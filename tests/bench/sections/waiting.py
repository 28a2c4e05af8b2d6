"""Ten thousand runs that wait: they cost no slot, no connection and hardly any scheduler."""

from tests.bench.definitions import chain, waiting
from tests.bench.figures import Figure
from tests.bench.subject import Subject, Watcher, milliseconds
from workflows_app.services.sweep import sweep_once

RUNS, AT_ONCE, PASSES = 10_000, 1000, 20
LEASED = "SELECT count(*) FROM workflows_app_steprun WHERE lease_expires_at IS NOT NULL"
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = 'countersign worker' AND state <> 'idle'"
)
ARRIVED = "SELECT count(*) = %s FROM workflows_app_run WHERE workflow_id = %s AND state = 'waiting'"


def measure(rounds: int) -> list[Figure]:
    """Time passes of the scheduler without and with them, and count what they hold."""
    subject, watcher = Subject(waiting()), Watcher()
    before = _passes()
    for first in range(0, RUNS, AT_ONCE):
        keys = [{"key": str(number)} for number in range(first, first + AT_ONCE)]
        subject.start_all(keys)
    watcher.wait_for(ARRIVED, RUNS, subject.workflow.pk)
    after = _passes()
    usual = sorted(before)[len(before) // 2]
    slots = [watcher.rows(LEASED)[0][0] for _ in range(rounds)]
    connections = [watcher.rows(CONNECTIONS)[0][0] for _ in range(rounds)]
    other = Subject(chain(3))
    beside = [
        milliseconds(lambda: watcher.run_seen(other.start({"n": 0}))) for _ in range(10 + rounds)
    ][10:]
    common = {"section": "waiting"}
    return [
        Figure(name="a scheduler's pass, none waiting", unit="ms", values=before, **common),
        Figure(name="a scheduler's pass, 10,000 waiting", unit="ms", values=after, **common),
        Figure(
            name="scheduler time of 10,000 waiting runs",
            unit="ms/s",
            values=[max(value - usual, 0.0) for value in after],
            target=5,
            note="a pass each second",
            **common,
        ),
        Figure(name="worker slots they hold", unit="slots", values=slots, target=0, **common),
        Figure(name="connections they hold", unit="conns", values=connections, target=0, **common),
        Figure(name="three no-op steps beside them", unit="ms", values=beside, **common),
    ]


def _passes() -> list[float]:
    """Time passes that find nothing to do."""
    while any(sweep_once().values()):
        pass
    return [milliseconds(sweep_once) for _ in range(PASSES)]
