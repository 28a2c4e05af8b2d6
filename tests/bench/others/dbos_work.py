"""The same work in DBOS Transact: `python dbos_work.py URL ROUNDS`, in the other environment."""

import json
import sys
import time

from dbos import DBOS


@DBOS.step()
def nothing(number: float) -> float:
    """Return one more, recorded."""
    return number + 1


@DBOS.step()
def call(seconds: float) -> float:
    """Take as long as a call to a service."""
    time.sleep(seconds)
    return seconds


@DBOS.workflow()
def chain(number: float) -> float:
    """Three recorded steps."""
    for _ in range(3):
        number = nothing(number)
    return number


@DBOS.workflow()
def calls(steps: int) -> int:
    """Slow steps, one after the other."""
    for _ in range(steps):
        call(0.5)
    return steps


@DBOS.workflow()
def one_call(seconds: float) -> float:
    """One item of a map of calls."""
    return call(seconds)


@DBOS.workflow()
def one_nothing(number: float) -> float:
    """One item of a map of nothing."""
    return nothing(number)


@DBOS.workflow()
def map_calls(items: int) -> int:
    """Start a child for each item and collect their results."""
    handles = [DBOS.start_workflow(one_call, 0.08) for _ in range(items)]
    return len([handle.get_result() for handle in handles])


@DBOS.workflow()
def map_nothing(items: int) -> int:
    """Start a child for each item and collect their results."""
    handles = [DBOS.start_workflow(one_nothing, 0) for _ in range(items)]
    return len([handle.get_result() for handle in handles])


def seconds_of(work) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def all_of(workflow, count: int, value) -> None:
    """Start many runs one by one, then wait for all."""
    handles = [DBOS.start_workflow(workflow, value) for _ in range(count)]
    for handle in handles:
        handle.get_result()


def main(url: str, rounds: int) -> None:
    """Print what each kind of work took."""
    settings = {
        "name": "bench",
        "system_database_url": url,
        "console_log_level": "ERROR",
        "runtime_config": {"max_executor_threads": 128, "run_admin_server": False},
    }
    DBOS(config=settings)
    DBOS.launch()
    for _ in range(10):
        chain(0)
    found = {
        "chain": [seconds_of(lambda: chain(0)) * 1000 for _ in range(40)],
        "many": [1000 / seconds_of(lambda: all_of(chain, 1000, 0)) for _ in range(rounds)],
        "calls": [seconds_of(lambda: all_of(calls, 50, 5)) for _ in range(rounds)],
        "map": [seconds_of(lambda: map_calls(100)) * 1000 for _ in range(rounds)],
        "nothing": [seconds_of(lambda: map_nothing(1000)) * 1000 for _ in range(rounds)],
    }
    DBOS.destroy()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
