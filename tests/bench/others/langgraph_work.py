"""The same work in LangGraph with its PostgreSQL checkpoints, written before each next step.

`python langgraph_work.py URL ROUNDS`, in the other environment.
"""

import itertools
import json
import operator
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypedDict

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

THREADS = itertools.count()


class State(TypedDict):
    """What goes from node to node."""

    number: float


class Mapped(TypedDict):
    """What a map collects."""

    items: list[float]
    results: Annotated[list[float], operator.add]


def nothing(state: State) -> State:
    """Return one more."""
    return {"number": state["number"] + 1}


def call(state: State) -> State:
    """Take as long as a call to a service."""
    time.sleep(0.5)
    return state


def line(node, steps: int) -> StateGraph:
    """Return a chain of nodes."""
    builder = StateGraph(State)
    names = [f"s{index}" for index in range(steps)]
    for name in names:
        builder.add_node(name, node)
    for source, target in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(source, target)
    return builder


def fan(seconds: float) -> StateGraph:
    """Return a map: one node for each item, joined by their results."""

    def one(state: dict) -> Mapped:
        if seconds:
            time.sleep(seconds)
        return {"results": [state["item"] + 1]}

    builder = StateGraph(Mapped)
    builder.add_node("one", one)
    builder.add_conditional_edges(
        START, lambda state: [Send("one", {"item": item}) for item in state["items"]], ["one"]
    )
    builder.add_edge("one", END)
    return builder


def run(graph, given, concurrency: int = 8) -> dict:
    """Run a graph to its end, durable at each step."""
    settings = {
        "configurable": {"thread_id": f"t{next(THREADS)}"},
        "recursion_limit": 50,
        "max_concurrency": concurrency,
    }
    return graph.invoke(given, settings, durability="sync")


def seconds_of(work) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def together(graph, count: int, threads: int) -> None:
    """Run many, as many at once as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: run(graph, {"number": 0}), range(count)))


def mapped(graph, items: int) -> None:
    """Run a map with a thread for each item."""
    done = run(graph, {"items": [0] * items, "results": []}, 128)
    assert len(done["results"]) == items


def main(url: str, rounds: int) -> None:
    """Print what each kind of work took."""
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(url, min_size=8, max_size=16, kwargs=options, open=True) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        chain, calls, slow, quick = (
            builder.compile(checkpointer=saver)
            for builder in (line(nothing, 3), line(call, 5), fan(0.08), fan(0))
        )
        for _ in range(10):
            run(chain, {"number": 0})
        found = {
            "chain": [seconds_of(lambda: run(chain, {"number": 0})) * 1000 for _ in range(40)],
            "many": [1000 / seconds_of(lambda: together(chain, 1000, 8)) for _ in range(rounds)],
            "calls": [seconds_of(lambda: together(calls, 50, 50)) for _ in range(rounds)],
            "map": [seconds_of(lambda: mapped(slow, 100)) * 1000 for _ in range(rounds)],
            "nothing": [seconds_of(lambda: mapped(quick, 1000)) * 1000 for _ in range(rounds)],
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
