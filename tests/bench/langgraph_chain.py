"""The same chain in LangGraph with its PostgreSQL checkpoints, written before each next step."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool


class State(TypedDict):
    """What goes from node to node."""

    number: int


def add_one(state: State) -> State:
    """Return one more."""
    return {"number": state["number"] + 1}


def main(url: str, steps: int, runs: int) -> None:
    """Print what one run and many runs took."""
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(url, min_size=8, max_size=16, kwargs=settings, open=True) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        graph = build(steps).compile(checkpointer=saver)
        run_once(graph, "warm", steps)
        began = time.perf_counter()
        run_once(graph, "one", steps)
        one = time.perf_counter() - began
        began = time.perf_counter()
        with ThreadPoolExecutor(runs) as threads:
            list(threads.map(lambda n: run_once(graph, f"many{n}", steps), range(runs)))
        many = time.perf_counter() - began
    print(json.dumps({"one": one, "many": many}))


def build(steps: int) -> StateGraph:
    """Return a chain of nodes."""
    builder = StateGraph(State)
    names = [f"s{index}" for index in range(steps)]
    for name in names:
        builder.add_node(name, add_one)
    for source, target in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(source, target)
    return builder


def run_once(graph, thread: str, steps: int) -> None:
    """Run the chain, durable at each step."""
    settings = {"configurable": {"thread_id": thread}, "recursion_limit": steps + 5}
    result = graph.invoke({"number": 0}, settings, durability="sync")
    assert result["number"] == steps


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
