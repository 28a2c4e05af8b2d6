"""What a definition may say of items that come while a map is open."""

import pytest

from workflows_app.core.definition import definition_check


def problems(until):
    body = {"steps": [{"id": "x", "kind": "transform", "with": {"value": "=item"}}], "edges": []}
    more = {"event": "offer.made", "until": until}
    each = {"id": "m", "kind": "map", "with": {"items": [], "body": body, "more": more}}
    checked = definition_check({"format": 1, "name": "W", "steps": [each], "edges": []})
    return [(one.code, one.pointer) for one in checked.problems]


@pytest.mark.parametrize("until", ["1h", "500ms", "event.data == 'last'", "output.total > 3.0"])
def test_a_map_is_open_for_a_time_or_until_a_condition_holds(until):
    assert problems(until) == []


@pytest.mark.parametrize(
    ("until", "code"), [("1 hour", "expression_syntax"), ("events.data", "expression_unknown_name")]
)
def test_anything_else_is_a_problem(until, code):
    assert problems(until) == [(code, "/steps/0/with/more/until")]
