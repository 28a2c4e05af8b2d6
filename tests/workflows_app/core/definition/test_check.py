"""What a check finds: each rule by its stable code, at its step and pointer."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows_app.core.definition.documents import (
    SOUND,
    body,
    codes,
    found,
    of,
    step,
    workflow,
)
from tests.workflows_app.core.json_values import json_values
from workflows_app.core.definition import definition_check, definition_digest


def test_a_sound_definition_has_no_problems():
    checked = definition_check(SOUND)

    assert checked.problems == ()
    assert checked.is_valid
    assert checked.definition.steps[0].id == "first"
    assert checked.digest == definition_digest(SOUND)


@given(json_values)
def test_any_json_gives_problems_and_never_an_exception(value):
    checked = definition_check(value)

    assert not checked.is_valid
    assert (checked.digest is None) == (not isinstance(value, dict))


def places(value, path=()):
    """Give the way to every part of a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


@settings(max_examples=300)
@given(st.sampled_from([one for one in places(SOUND) if one]), json_values)
def test_a_damaged_definition_never_breaks_the_check(path, value):
    document = copy.deepcopy(SOUND)
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value

    checked = definition_check(document)

    for problem in checked.problems:
        assert problem.code.replace("_", "").isalpha()
        assert problem.message
        assert problem.pointer == "" or problem.pointer.startswith("/")


def test_a_draft_in_progress_is_checked_as_far_as_it_goes():
    assert found({}) == {
        ("missing_field", None, "/format"),
        ("missing_field", None, "/name"),
        ("no_steps", None, "/steps"),
    }
    assert ("not_an_object", None, "") in found([])
    assert ("invalid_value", None, "/steps") in found(workflow({}))
    assert ("missing_field", None, "/steps/0/id") in found(workflow([{"kind": "end"}]))


def test_the_digest_leaves_out_every_layout():
    moved = copy.deepcopy(SOUND)
    moved["layout"] = {"first": [9, 9]}
    moved["steps"][2]["with"]["body"]["layout"] = {"inner": [1, 1]}

    assert definition_check(moved).digest == definition_check(SOUND).digest
    assert definition_digest({**SOUND, "name": "Other"}) != definition_digest(SOUND)


def test_a_value_called_layout_is_not_left_out():
    with_layout = workflow([step("a", {"layout": 1})])

    assert definition_digest(with_layout) != definition_digest(workflow([step("a", {})]))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (workflow([step("a", foo=1)]), ("unknown_field", "a", "/steps/0/foo")),
        (workflow([step("a")], colour=1), ("unknown_field", None, "/colour")),
        (workflow([of("transform", val=1)]), ("unknown_field", "x", "/steps/0/with/val")),
        (workflow([of("transform")]), ("missing_field", "x", "/steps/0/with/value")),
        (workflow([of("nothing")]), ("unknown_kind", "x", "/steps/0/kind")),
        (workflow([of("take")]), ("unknown_kind", "x", "/steps/0/kind")),
        (workflow([step("a"), step("a")]), ("duplicate_id", "a", "/steps/1/id")),
        (workflow([step("undo")]), ("reserved_id", "undo", "/steps/0/id")),
        (workflow([step("_x")]), ("reserved_id", "_x", "/steps/0/id")),
        (workflow([step("a-b")]), ("invalid_value", "a-b", "/steps/0/id")),
        (workflow([step("a")], "a>b"), ("unknown_step", None, "/edges/0/to")),
        (workflow([step("a")], "b>a"), ("unknown_step", None, "/edges/0/from")),
        (workflow([step("a"), step("b")], "a.no>b"), ("unknown_port", "a", "/edges/0/from")),
        (workflow([of("end"), step("b")], "x>b"), ("unknown_port", "x", "/edges/0/from")),
        (workflow([of("end"), step("b")], "x>b"), ("unreachable", "b", "/steps/1")),
        (workflow([step("a"), step("b")], "a>b", "a.done>b"), ("duplicate_edge", None, "/edges/1")),
        (workflow([step("a"), step("b")], "a>b", "b>a"), ("cycle", "a", "/steps/0")),
        (workflow([step("a")], "a>a"), ("cycle", "a", "/steps/0")),
        (
            workflow([step("a"), step("b"), step("c")], "a>b", "b>a", "b>c"),
            ("unreachable", "c", "/steps/2"),
        ),
        (
            workflow([step("a"), step("b", join={"quorum": 2})], "a>b"),
            ("quorum_too_large", "b", "/steps/1/join"),
        ),
        (
            workflow([step("a"), step("b", join="any")], "a>b"),
            ("join_single_edge", "b", "/steps/1/join"),
        ),
        (workflow([step("a", timeout="5 min")]), ("bad_duration", "a", "/steps/0/timeout")),
        (
            workflow([step("a", retry={"initial": "x"})]),
            ("bad_duration", "a", "/steps/0/retry/initial"),
        ),
        (
            workflow([step("a")], limits={"timeout": "1y"}),
            ("bad_duration", None, "/limits/timeout"),
        ),
        (workflow([step("a")], input={"type": "thing"}), ("bad_schema", None, "/input/type")),
        (
            workflow([step("a")], input={"$ref": "https://example.com/s"}),
            ("bad_schema", None, "/input"),
        ),
        (
            workflow([step("a"), step("b", "=steps.c.output")], "a>b"),
            ("unknown_reference", "b", "/steps/1/with/value"),
        ),
        (
            workflow([step("a", "=steps.b.output"), step("b")], "a>b"),
            ("step_not_before", "a", "/steps/0/with/value"),
        ),
        (
            workflow([step("a", "=steps.a.output")]),
            ("step_not_before", "a", "/steps/0/with/value"),
        ),
        (workflow([step("a")], output="=steps.b.output"), ("unknown_reference", None, "/output")),
        (
            workflow([step("a", when="input.x +")]),
            ("expression_syntax", "a", "/steps/0/when"),
        ),
        (
            workflow([step("a", "{{ item }}")]),
            ("expression_unknown_name", "a", "/steps/0/with/value"),
        ),
        (
            workflow([step("a", "=input.n * 2")]),
            ("expression_integer", "a", "/steps/0/with/value"),
        ),
        (
            workflow([of("loop", body=body(step("a")), until="output.ok")]),
            ("unbounded_loop", "x", "/steps/0/with/limit"),
        ),
        (
            workflow(
                [of("loop", body=body(step("a")), until="output", limit=5, **{"while": "true"})]
            ),
            ("invalid_value", "x", "/steps/0/with"),
        ),
        (
            workflow([of("map", items=[], body=body(step("x")))]),
            ("shadowed_id", "x.x", "/steps/0/with/body/steps/0/id"),
        ),
        (
            workflow([of("group", body=body())]),
            ("no_steps", "x", "/steps/0/with/body/steps"),
        ),
        (
            workflow([of("delay", **{"for": "soon"})]),
            ("bad_duration", "x", "/steps/0/with/for"),
        ),
        (workflow([of("delay", at="noon")]), ("invalid_value", "x", "/steps/0/with/at")),
        (workflow([of("delay")]), ("invalid_value", "x", "/steps/0/with")),
        (
            workflow([of("workflow", slug="=input.slug")]),
            ("expression_not_allowed", "x", "/steps/0/with/slug"),
        ),
        (
            workflow([step("a", cache=True, effect="reversible")]),
            ("cache_with_effect", "a", "/steps/0/cache"),
        ),
        (
            workflow([of("fallback", options=[step("a"), step("a")])]),
            ("duplicate_id", "x.a", "/steps/0/with/options/1/id"),
        ),
        (
            workflow([of("consensus", members=[step("a", "=nope")], agree=1)]),
            ("expression_unknown_name", "x.a", "/steps/0/with/members/0/with/value"),
        ),
        (
            workflow(
                [
                    of(
                        "escalation",
                        tiers=[{"name": "one", "step": step("a"), "escalate_when": "true"}],
                    )
                ]
            ),
            ("invalid_value", "x", "/steps/0/with"),
        ),
    ],
)
def test_each_rule_has_a_code_a_step_and_a_pointer(document, problem):
    assert problem in found(document)


def test_sizes_are_bounded():
    many = [step(f"s{number}") for number in range(2_001)]
    deep = step("leaf")
    for number in range(14):
        deep = of("group", f"g{number}", body=body(deep))

    assert "too_many_steps" in codes(workflow(many))
    assert "too_deep" in codes(workflow([deep]))
    assert codes(workflow([step("a", "x" * 1_000_000)])) == {"too_large"}
    nested = 1
    for _ in range(70):
        nested = [nested]
    assert codes(workflow([step("a", nested)])) == {"json_too_deep"}


def test_a_problem_is_json():
    problem = definition_check({}).problems[0].as_json()

    assert json.loads(json.dumps(problem)) == {
        "severity": "error",
        "code": "missing_field",
        "step": None,
        "pointer": "/format",
        "message": "the field format is missing",
    }
