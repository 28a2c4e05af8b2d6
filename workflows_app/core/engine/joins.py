"""Edges and joins: what a settled step means for those that follow."""

from enum import Enum

from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.graph import FATAL_PORTS, Node, ports_taken
from workflows_app.core.states import StepState


class Edge(Enum):
    """An edge is unsettled until its source has taken a port."""

    UNSETTLED = 0
    TAKEN = 1
    DEAD = 2


class Verdict(Enum):
    """What a join says of its step."""

    WAIT = 0
    READY = 1
    DEAD = 2  # all its edges are dead: the step is skipped
    MISSED = 3  # a quorum that can no longer be met


def edge_state(draft: Draft, source: str, port: str, *, is_strict: bool) -> Edge:
    """Tell how an edge stands; into a strict join an optional step's failure is dead."""
    status = draft.steps.get(source)
    if status is None or not status.is_settled:
        return Edge.UNSETTLED
    if port not in ports_taken(status.port) or (is_strict and status.is_degraded):
        return Edge.DEAD
    return Edge.TAKEN


def all_failed(draft: Draft, node: Node) -> bool:
    """Tell whether a merge, or a join that took failures in, has nothing but failures.

    Such a step does not count as skipped: what failed would be forgotten.
    """
    if node.join.mode == "all" and node.kind.name != "merge":
        return False
    sources = (draft.steps.get(source) for source, _port in node.incoming)
    return any(status is not None and has_failed(status) for status in sources)


def has_failed(status: StepDraft) -> bool:
    """Tell whether a step ended badly, also where what it did was undone before it ended."""
    if status.state is StepState.COMPENSATED:
        return status.port in FATAL_PORTS
    return status.state in (StepState.FAILED, StepState.TIMED_OUT)


def join_verdict(draft: Draft, node: Node) -> Verdict:
    """Judge the edges into a pending step.

    Source: the definition format, the table of joins.
    """
    is_strict = node.join.mode != "all"
    states = [
        edge_state(draft, source, port, is_strict=is_strict) for source, port in node.incoming
    ]
    taken, unsettled = states.count(Edge.TAKEN), states.count(Edge.UNSETTLED)
    if node.join.mode == "all":
        if unsettled:
            return Verdict.WAIT
        return Verdict.READY if taken else Verdict.DEAD
    if taken >= node.join.count:
        return Verdict.READY
    if not taken and not unsettled:
        return Verdict.DEAD
    if taken and taken + unsettled < node.join.count:
        return Verdict.MISSED
    return Verdict.WAIT
