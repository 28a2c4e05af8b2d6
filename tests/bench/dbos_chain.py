"""The same chain in DBOS; run with the other environment: `python dbos_chain.py URL STEPS RUNS`."""

import json
import sys
import time

from dbos import DBOS, SetWorkflowID


@DBOS.step()
def add_one(number: int) -> int:
    """Return one more, recorded."""
    return number + 1


@DBOS.workflow()
def chain(steps: int) -> int:
    """Count to `steps`, one recorded step at a time."""
    number = 0
    for _ in range(steps):
        number = add_one(number)
    return number


def main(url: str, steps: int, runs: int) -> None:
    """Print what one run and many runs took."""
    DBOS(config={"name": "bench", "system_database_url": url, "console_log_level": "ERROR"})
    DBOS.launch()
    chain(2)
    began = time.perf_counter()
    with SetWorkflowID("one"):
        chain(steps)
    one = time.perf_counter() - began
    began = time.perf_counter()
    handles = [DBOS.start_workflow(chain, steps) for _ in range(runs)]
    results = [handle.get_result() for handle in handles]
    many = time.perf_counter() - began
    assert results == [steps] * runs
    DBOS.destroy()
    print(json.dumps({"one": one, "many": many}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
