"""Composite kinds become primitives, and say what they were."""

import copy

from tests.workflows_app.core.definition.documents import SOUND, body, of, step, workflow
from workflows_app.core.expand import expand
from workflows_app.core.graph import graphs_compile
from workflows_app.core.kinds import kind_get


def steps_in(value):
    """Give every step, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("kind"), str) and "id" in value:
            yield value
        for key, item in value.items():
            if key != "origin":
                yield from steps_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from steps_in(item)


FALLBACK = of("fallback", "f", options=[step("a"), of("wait", "b", event="e"), step("c")])
CONSENSUS = of("consensus", "c", members=[step("m"), FALLBACK], agree=2)
ESCALATION = of(
    "escalation",
    "e",
    tiers=[
        {"name": "bot", "step": step("answer"), "escalate_when": "output.sure < 0.5"},
        {"name": "Second line", "step": of("approval", "ask", summary="?", assignees=["user:x"])},
    ],
)


def test_primitives_stay_as_they_are_and_layout_goes():
    before = copy.deepcopy(SOUND)

    expanded = expand(SOUND)

    assert before == SOUND
    assert expanded == {key: value for key, value in SOUND.items() if key != "layout"}


def test_everything_becomes_primitive_at_every_depth():
    inside = of("map", "deep", items=[], body=body(CONSENSUS))
    expanded = expand(workflow([ESCALATION, inside]))

    assert all(kind_get(one["kind"]).primitive for one in steps_in(expanded))
    assert {"", "e", "e/bot", "e/tier_2", "deep", "deep/c", "deep/c/f"} == set(
        graphs_compile(expanded)
    )


def test_a_composite_keeps_what_it_was_and_what_it_carries():
    (expanded,) = expand(workflow([{**FALLBACK, "when": "input.x", "optional": True}]))["steps"]

    assert expanded["origin"] == {"kind": "fallback", "with": FALLBACK["with"]}
    assert (expanded["id"], expanded["when"], expanded["optional"]) == ("f", "input.x", True)


def test_a_fallback_chains_its_options_by_failure():
    graph = graphs_compile(expand(workflow([FALLBACK])))["f"]

    assert graph.nodes["a"].outgoing == {"done": ("_take",), "error": ("b",)}
    assert graph.nodes["b"].outgoing == {"done": ("_take",), "error": ("c",)}
    assert graph.nodes["c"].outgoing == {"done": ("_take",)}


def test_a_consensus_asks_side_by_side_and_may_disagree():
    graphs = graphs_compile(expand(workflow([CONSENSUS])))

    assert graphs["c"].roots == ("m", "f")
    assert graphs["c"].nodes["m"].is_optional
    assert "disagreed" in kind_get("group").ports(expand(workflow([CONSENSUS]))["steps"][0]["with"])


def test_an_escalation_hands_on_by_error_and_by_criterion():
    graph = graphs_compile(expand(workflow([ESCALATION])))["e"]

    assert graph.nodes["bot"].outgoing == {"done": ("_after_1",), "error": ("_after_1",)}
    assert graph.nodes["_after_1"].outgoing == {"escalate": ("tier_2",)}
    assert graph.nodes["_after_2"].outgoing == {"escalate": ("_unresolved",)}
    assert "{{ steps._after_1.output.summary }}" in str(graph.nodes["tier_2"].settings)


def test_expanding_twice_changes_nothing_more():
    once = expand(workflow([ESCALATION, CONSENSUS]))

    assert expand(once) == once
