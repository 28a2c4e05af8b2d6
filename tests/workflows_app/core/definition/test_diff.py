"""What differs between two definitions."""

import copy

from hypothesis import given

from tests.workflows_app.core.definition.documents import SOUND, body, of, step, workflow
from tests.workflows_app.core.json_values import json_values
from workflows_app.core.definition import definition_diff


def changes(old, new):
    return [(one.action, one.kind, one.step, one.pointer) for one in definition_diff(old, new)]


def test_equal_definitions_do_not_differ_however_they_are_drawn_or_ordered():
    redrawn = copy.deepcopy(SOUND)
    redrawn["layout"] = {"first": [5, 5]}
    redrawn["steps"].reverse()
    redrawn["edges"].reverse()

    assert definition_diff(SOUND, SOUND) == []
    assert definition_diff(SOUND, redrawn) == []


@given(json_values, json_values)
def test_each_change_of_a_value_is_told_with_both(old, new):
    found = definition_diff(workflow([step("a", old)]), workflow([step("a", new)]))

    assert bool(found) == (old != new or isinstance(old, bool) != isinstance(new, bool)) or (
        str(old) != str(new)  # 1 and true inside a list are equal to Python
    )


def test_steps_edges_and_settings_are_told_apart():
    old = workflow([step("a"), step("b")], "a>b")
    new = workflow([step("a", 2, timeout="5s"), step("c")], "a>c", limits={"depth": 2})

    assert changes(old, new) == [
        ("changed", "setting", "a", "/steps/0/with/value"),
        ("added", "setting", "a", "/steps/0/timeout"),
        ("added", "step", "c", "/steps/1"),
        ("removed", "step", "b", "/steps/1"),
        ("added", "edge", None, "/edges/0"),
        ("removed", "edge", None, "/edges/0"),
        ("added", "definition", None, "/limits"),
    ]


def test_a_change_inside_a_body_names_its_step():
    old = workflow([of("group", "g", body=body(step("a", 1)))])
    new = workflow([of("group", "g", body=body(step("a", 2), step("b")))])

    assert changes(old, new) == [
        ("changed", "setting", "g.a", "/steps/0/with/body/steps/0/with/value"),
        ("added", "step", "g.b", "/steps/0/with/body/steps/1"),
    ]


def test_a_change_holds_the_old_and_the_new_value():
    (change,) = definition_diff(workflow([step("a", {"x": 1})]), workflow([step("a", {"x": 2})]))

    assert change.as_json() == {
        "action": "changed",
        "kind": "setting",
        "step": "a",
        "pointer": "/steps/0/with/value/x",
        "old": 1,
        "new": 2,
    }


def test_what_is_no_definition_has_differences_too():
    assert changes({}, {"steps": [1, {"id": 2}], "edges": "x"}) != []
