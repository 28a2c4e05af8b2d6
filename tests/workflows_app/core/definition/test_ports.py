"""The table of ports and connections agrees with the kinds and with the validator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows_app.core.definition import definition_check
from workflows_app.core.definition.ports import (
    CONNECTIONS,
    connection_refusal,
    ports_of,
    rules_json,
)
from workflows_app.core.definition.site import Place
from workflows_app.core.kinds import kinds

NAMES = st.sampled_from(["yes", "no", "late"])
BODY = st.fixed_dictionaries(
    {
        "steps": st.lists(
            st.fixed_dictionaries(
                {
                    "id": NAMES,
                    "kind": st.sampled_from(["end", "transform"]),
                    "with": st.fixed_dictionaries({}, optional={"outcome": NAMES}),
                }
            ),
            max_size=3,
        )
    }
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.lists(NAMES, max_size=3) | st.none() | st.just("text"),
        "branches": st.lists(
            st.fixed_dictionaries({"port": NAMES, "when": st.just("true")}), max_size=3
        )
        | st.just({}),
        "body": BODY | st.none(),
        "states": st.dictionaries(
            NAMES, st.fixed_dictionaries({}, optional={"terminal": st.booleans()})
        )
        | st.just([]),
    },
)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "approval": st.just({}) | st.none(),
        "review": st.just({}),
        "until": st.lists(st.fixed_dictionaries({"port": NAMES}), max_size=2) | st.none(),
    },
)
OFFERED = sorted(name for name, kind in kinds().items() if not kind.is_hidden and name != "end")


@given(st.sampled_from(OFFERED), SETTINGS, MORE)
def test_the_table_has_exactly_the_ports_that_the_validator_knows(kind, settings, more):
    step = {"id": "a", "kind": kind, "with": settings, **more}

    assert set(ports_of(step)) == Place(0, "a", step, "", "a").ports()


def test_every_kind_that_people_may_use_is_in_the_exported_table():
    rules = rules_json()

    of_tests = {
        name for name, kind in kinds().items() if type(kind).__module__.startswith("tests.")
    }
    assert set(rules["ports"]["kinds"]) - of_tests == {*OFFERED, "end"}
    assert [rule["code"] for rule in rules["connections"]] == [code for code, _ in CONNECTIONS]


BODY_OF_THREE = {
    "steps": [
        {"id": "a", "kind": "router", "with": {"labels": ["x"]}},
        {"id": "b", "kind": "transform", "with": {"value": 1}},
        {"id": "c", "kind": "end"},
    ],
    "edges": [{"from": "a.x", "to": "b"}, {"from": "b", "to": "c"}],
}


@pytest.mark.parametrize(
    ("source", "port", "target", "code"),
    [
        ("a", "x", "c", None),
        ("a", "default", "b", None),
        ("a", "done", "c", None),
        ("a", "x", "b", "duplicate"),
        ("a", "y", "b", "unknown_port"),
        ("b", "done", "b", "into_itself"),
        ("b", "done", "a", "cycle"),
        ("b", "error", "a", "cycle"),
        ("c", "done", "b", "after_end"),
        ("a", "done", "elsewhere", "unknown_step"),
    ],
)
def test_a_connection_is_refused_with_its_reason(source, port, target, code):
    refusal = connection_refusal(BODY_OF_THREE, source, port, target)

    assert (refusal and refusal[0]) == code
    edge = {"from": f"{source}.{port}", "to": target}
    draft = {**BODY_OF_THREE, "edges": [*BODY_OF_THREE["edges"], edge]}
    graph_codes = {"unknown_port", "duplicate_edge", "cycle", "unknown_step", "unreachable"}
    before = {problem.code for problem in definition_check(BODY_OF_THREE).errors}
    after = {problem.code for problem in definition_check(draft).errors}
    assert bool((after - before) & graph_codes) == (code is not None)
