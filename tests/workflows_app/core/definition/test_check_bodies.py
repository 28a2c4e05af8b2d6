"""What a check finds of triggers, of names inside bodies, of branches and of state machines."""

import pytest

from tests.workflows_app.core.definition.documents import (
    body,
    codes,
    found,
    of,
    step,
    workflow,
)


@pytest.mark.parametrize(
    ("trigger", "problem"),
    [
        ({"schedule": "99 * * * *"}, ("bad_schedule", None, "/triggers/0/schedule")),
        ({"schedule": "0 9 * * 1-5", "zone": "Mars"}, ("bad_zone", None, "/triggers/0/zone")),
        ({"event": "a", "where": "foo"}, ("expression_unknown_name", None, "/triggers/0/where")),
        (
            {"event": "a", "input": {"m": "=nope"}},
            ("expression_unknown_name", None, "/triggers/0/input/m"),
        ),
        ({"event": "a", "input": {}}, ("unmapped_input", None, "/triggers/0/input")),
        ({"event": "a", "webhook": "b"}, ("invalid_value", None, "/triggers/0")),
        ({"event": "a", "zone": "UTC"}, ("unknown_field", None, "/triggers/0/zone")),
        (5, ("invalid_value", None, "/triggers/0")),
    ],
)
def test_triggers_are_checked(trigger, problem):
    schema = {"type": "object", "required": ["m"]}

    assert problem in found(workflow([step("a")], triggers=[trigger], input=schema))


def test_a_sound_trigger_has_no_problem():
    triggers = [
        {"event": "order.*", "where": "event.data.n > 0.0", "input": {"m": "=event.data.m"}},
        {"schedule": "0 9 * * 1-5", "zone": "Europe/Berlin", "input": {"m": 1}},
        {"webhook": "orders"},
    ]
    schema = {"type": "object", "required": ["m"]}

    assert codes(workflow([step("a")], triggers=triggers, input=schema)) == set()


def test_an_inner_step_may_name_what_is_settled_around_its_body():
    inner = body(step("b", "=steps.a.output"), step("c", "=steps.d.output"))
    document = workflow([step("a"), of("group", "g", body=inner), step("d")], "a>g", "g>d")

    assert found(document) == {("step_not_before", "g.c", "/steps/1/with/body/steps/1/with/value")}


def test_what_lies_inside_a_body_cannot_be_named_from_outside():
    document = workflow(
        [of("group", "g", body=body(step("b"))), step("c", "=steps.b.output")], "g>c"
    )

    assert found(document) == {("unknown_reference", "c", "/steps/1/with/value")}


def test_an_option_of_a_fallback_may_name_the_options_before_it():
    def options(*steps):
        return codes(workflow([of("fallback", options=list(steps))]))

    assert options(step("a"), step("b", "=steps.a.error.code")) == set()
    assert options(step("a", "=steps.b.output"), step("b")) == {"unknown_reference"}


def test_branches_that_never_meet_are_a_warning_unless_the_output_says_what_counts():
    document = workflow([step("a"), step("b"), step("c")], "a>b", "a>c")

    assert codes(document) == {"missing_join"}
    assert codes({**document, "output": "=steps.b.output"}) == set()


def machine(**changes):
    states = {"new": {"fires": {"done": "go"}, "entry": body(step("a"))}, "end": {"terminal": True}}
    settings = {
        "initial": "new",
        "states": states,
        "transitions": [{"trigger": "go", "from": "new", "to": "end", "guard": "state == 'new'"}],
    }
    document = workflow([of("state_machine", "m", **{**settings, **changes})])
    return codes(document) - {"kind_not_available"}


def test_state_machines_are_checked():
    go = {"trigger": "go", "from": "new", "to": "end"}
    assert machine() == set()
    assert machine(initial="old") >= {"invalid_value"}
    assert machine(transitions=[{**go, "to": "gone"}]) >= {"invalid_value"}
    assert machine(transitions=[]) == {"state_without_exit", "unknown_trigger", "unreachable_state"}
    assert machine(transitions=[go, {**go, "from": "end"}]) == {"terminal_state_left"}
    assert machine(transitions=[{**go, "guard": "foo"}]) == {"expression_unknown_name"}
