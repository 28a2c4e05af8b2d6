"""Changes of a draft: applied, merged with another's, turned round."""

import copy
import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows_app.core.definition.changes import (
    ABSENT,
    ChangeRefused,
    DraftChange,
    change_read,
    changes_apply,
    changes_between,
    changes_invert,
    same,
)

IDS = st.sampled_from(["a", "b", "c", "d", "e"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "x", "=y"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["p", "q", "steps", "edges", "layout"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def _body(settings):
    return st.fixed_dictionaries(
        {},
        optional={
            "steps": st.lists(
                st.fixed_dictionaries({"id": IDS, "kind": st.just("group")}, optional=settings),
                unique_by=lambda step: step["id"],
                max_size=4,
            ),
            "edges": st.lists(
                st.fixed_dictionaries({"from": IDS, "to": IDS}),
                unique_by=lambda edge: (edge["from"], edge["to"]),
                max_size=4,
            ),
            "output": VALUES,
            "layout": st.dictionaries(IDS, st.tuples(st.integers(), st.integers()).map(list)),
        },
    )


INNER = _body({"with": VALUES, "when": st.just("true")})
DEFINITIONS = _body({"with": st.fixed_dictionaries({}, optional={"body": INNER, "value": VALUES})})


def ordered(value):
    """Order what has no order of its own: steps and edges."""
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [ordered(item) for item in value]
        is_unordered = all(isinstance(item, dict) for item in items)
        return sorted(items, key=partial(json.dumps, sort_keys=True)) if is_unordered else items
    return value


@given(DEFINITIONS, DEFINITIONS)
def test_the_changes_between_two_definitions_lead_from_one_to_the_other(old, new):
    before = copy.deepcopy(old)

    made, conflicts = changes_apply(old, changes_between(old, new))

    assert not conflicts
    assert same(ordered(made), ordered(new))
    assert old == before


@given(DEFINITIONS, DEFINITIONS)
def test_inverted_changes_give_back_the_original_with_its_order(old, new):
    changes = changes_between(old, new)
    made, _ = changes_apply(old, changes)

    back, conflicts = changes_apply(made, changes_invert(changes))

    assert not conflicts
    assert same(back, old)


@given(DEFINITIONS, DEFINITIONS)
def test_applying_twice_changes_nothing_more(old, new):
    changes = changes_between(old, new)
    once, _ = changes_apply(old, changes)

    twice, conflicts = changes_apply(once, changes)

    assert not conflicts
    assert same(twice, once)


@given(DEFINITIONS, VALUES, VALUES)
def test_changes_of_different_steps_merge_in_either_order(base, mine, theirs):
    start = {**base, "steps": [{"id": "m", "with": {}}, {"id": "t", "with": {}}]}
    one = [DraftChange(path=("steps", "m", "with", "value"), value=mine)]
    two = [DraftChange(path=("steps", "t", "with", "value"), value=theirs)]

    first, conflicts_first = changes_apply(changes_apply(start, one)[0], two)
    second, conflicts_second = changes_apply(changes_apply(start, two)[0], one)

    assert (conflicts_first, conflicts_second) == ([], [])
    assert same(first, second)


@given(DEFINITIONS, DEFINITIONS)
def test_changes_survive_their_way_as_json(old, new):
    changes = changes_between(old, new)

    assert [change_read(change.as_json()) for change in changes] == changes


DRAFT = {
    "steps": [
        {"id": "a", "with": {"prompt": "one", "labels": ["x"]}},
        {"id": "b", "kind": "tool", "with": {"on": True}},
    ],
    "edges": [{"from": "a.x", "to": "b"}],
    "layout": {"a": [0, 0]},
}


def change(path, **ends):
    return DraftChange(path=tuple(path.split("/")), **ends)


def test_a_place_that_somebody_else_changed_is_a_conflict_and_nothing_is_applied():
    made, conflicts = changes_apply(
        DRAFT,
        [
            change("steps/b/with/on", was=True, value=False),
            change("steps/a/with/prompt", was="zero", value="two"),
        ],
    )

    assert made == DRAFT
    assert [one.as_json() for one in conflicts] == [
        {"path": ["steps", "a", "with", "prompt"], "was": "zero", "value": "two", "theirs": "one"}
    ]


@pytest.mark.parametrize(
    ("path", "ends", "theirs"),
    [
        ("steps/gone/with/prompt", {"was": "x", "value": "y"}, ABSENT),
        ("steps/gone/with/prompt", {"value": "y"}, ABSENT),
        ("steps/a", {"value": {"id": "a"}}, DRAFT["steps"][0]),
        ("steps/b/with/on", {"was": 1, "value": 2}, True),
        ("steps/a/with/labels/0", {"was": "x", "value": "y"}, ["x"]),
        ("edges/a.y>b", {"was": {"from": "a.y", "to": "b"}, "value": None}, ABSENT),
    ],
)
def test_what_is_not_as_it_was_is_told(path, ends, theirs):
    made, conflicts = changes_apply(DRAFT, [change(path, **ends)])

    assert made == DRAFT
    assert [one.theirs for one in conflicts] == [theirs]


def test_what_is_gone_already_may_be_taken_away_again():
    gone = change("steps/gone/with/prompt", was="x")

    assert changes_apply(DRAFT, [gone, change("edges/a.y>b", was={})]) == (DRAFT, [])


def test_the_last_one_to_move_a_box_wins():
    made, conflicts = changes_apply(DRAFT, [change("layout/a", was=[9, 9], value=[5, 5])])

    assert (made["layout"], conflicts) == ({"a": [5, 5]}, [])


def test_steps_and_edges_are_added_and_taken_away_by_their_names():
    made, conflicts = changes_apply(
        {"steps": DRAFT["steps"]},
        [
            change("steps/c", value={"id": "c"}, at=1),
            change("edges/c>b", value={"from": "c", "to": "b"}),
            change("layout/c", value=[1, 2]),
            change("steps/a", was=DRAFT["steps"][0]),
        ],
    )

    assert not conflicts
    assert [step["id"] for step in made["steps"]] == ["c", "b"]
    assert made["edges"] == [{"from": "c", "to": "b"}]
    assert made["layout"] == {"c": [1, 2]}


def test_a_step_within_a_body_and_within_a_state_is_reached():
    inner = {"steps": [{"id": "x", "with": {"value": 1}}], "edges": []}
    draft = {"steps": [{"id": "g", "with": {"body": inner, "states": {"s": {"entry": inner}}}}]}

    made, conflicts = changes_apply(
        draft,
        [
            change("steps/g/with/body/steps/x/with/value", was=1, value=2),
            change("steps/g/with/states/s/entry/steps/x/with/value", was=1, value=3),
        ],
    )

    settings = made["steps"][0]["with"]
    assert not conflicts
    assert settings["body"]["steps"][0]["with"] == {"value": 2}
    assert settings["states"]["s"]["entry"]["steps"][0]["with"] == {"value": 3}


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("steps/c", {"id": "other"}, "another name"),
        ("edges/a>b", {"from": "b", "to": "a"}, "another name"),
        ("steps/b/id", "c", "another id"),
    ],
)
def test_a_step_or_an_edge_keeps_its_name(path, value, word):
    was = "b" if path == "steps/b/id" else ABSENT

    with pytest.raises(ChangeRefused, match=word):
        changes_apply(DRAFT, [change(path, was=was, value=value)])


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"path": []},
        {"path": ["a"]},
        {"path": "a", "value": 1},
        {"path": ["a", 1], "value": 1},
        {"path": ["a"], "value": 1, "more": 2},
        {"path": ["a"], "value": 1, "at": -1},
        {"path": ["a"], "value": 1, "at": True},
    ],
)
def test_what_is_no_change_is_refused(document):
    with pytest.raises(ChangeRefused):
        change_read(document)
