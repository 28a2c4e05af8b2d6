"""What is written out is checked before any run, and so is every state that is named."""

import pytest

from tests.workflows_app.core.definition.documents import body, of, step, workflow
from workflows_app.core.definition import CheckContext, ToolFacts, WorkflowFacts, definition_check

PAYMENT = {
    "type": "object",
    "required": ["to", "amount"],
    "additionalProperties": False,
    "properties": {
        "to": {"$ref": "#/$defs/Account"},
        "amount": {"type": "number", "exclusiveMinimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "note": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "number"}},
    },
    "$defs": {
        "Account": {
            "type": "object",
            "required": ["iban"],
            "additionalProperties": False,
            "properties": {"iban": {"type": "string"}},
        }
    },
}
GOOD = {"to": {"iban": "=input.iban"}, "amount": 5}
CONTEXT = CheckContext(
    tools={"pay": ToolFacts(input=PAYMENT, effect="none")},
    models=frozenset({"small"}),
    workflows={"child": WorkflowFacts(input=PAYMENT, version=1)},
)
INPUT = {"type": "object", "properties": {"iban": {"type": "string"}}}


def found(*steps):
    document = workflow(list(steps), input=INPUT)
    checked = definition_check(document, CONTEXT)
    return {(one.code, one.step, one.pointer) for one in checked.problems}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"amount": "=input.amount"},
        {"to": "=input.account"},
        {"note": "Order {{ input.iban }}", "currency": "EUR"},
        {"note": "==5", "lines": [1, "=input.n"]},
    ],
)
def test_what_fits_and_what_is_computed_is_no_problem(given):
    assert found(of("tool", tool="pay", arguments={**GOOD, **given})) == set()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"amount": "5"}, "/amount"),
        ({"amount": -1}, "/amount"),
        ({"amount": "{{ input.amount }}"}, "/amount"),
        ({"currency": "CHF"}, "/currency"),
        ({"to": {"iban": 5}}, "/to/iban"),
        ({"to": {"name": "=input.iban"}}, "/to"),
        ({"to": ["=input.iban"]}, "/to"),
        ({"lines": [1, "two", "=input.n"]}, "/lines/1"),
    ],
)
def test_what_no_run_could_hand_over_is_named_by_its_pointer(given, pointer):
    arguments = {**GOOD, **given}

    assert found(of("tool", tool="pay", arguments=arguments)) == {
        ("bad_input", "x", f"/steps/0/with/arguments{pointer}")
    }
    assert found(of("workflow", slug="child", input=arguments)) == {
        ("bad_input", "x", f"/steps/0/with/input{pointer}")
    }


def test_a_missing_and_an_unwanted_argument_are_told_once():
    assert found(of("tool", tool="pay", arguments={"to": {"iban": "x"}, "amuont": 5})) == {
        ("unmapped_input", "x", "/steps/0/with/arguments"),
        ("unknown_input", "x", "/steps/0/with/arguments/amuont"),
    }


def plan(worker):
    return of("plan", model="small", prompt="p", workers={"one": worker})


def supervisor(worker):
    return of("supervisor", model="small", prompt="p", workers={"one": {"step": worker}})


@pytest.mark.parametrize("kind", [plan, supervisor])
def test_a_worker_that_maps_nothing_is_handed_its_input(kind):
    assert found(kind({"kind": "tool", "with": {"tool": "pay"}})) == set()
    assert found(kind({"kind": "workflow", "with": {"slug": "child"}})) == set()


@pytest.mark.parametrize(("kind", "inner"), [(plan, ""), (supervisor, "/step")])
def test_a_worker_that_maps_something_has_to_map_it_all(kind, inner):
    worker = {"kind": "tool", "with": {"tool": "pay", "arguments": {"amount": "=item.input.n"}}}

    assert found(kind(worker)) == {
        ("unmapped_input", "x.step_1", f"/steps/0/with/workers/one{inner}/with/arguments")
    }


def test_an_option_of_a_fallback_is_handed_nothing():
    option = {"kind": "tool", "with": {"tool": "pay"}}

    assert {code for code, _, _ in found(of("fallback", options=[option, option]))} == {
        "unmapped_input"
    }


GO = {"trigger": "go", "from": "new", "to": "end"}


def machine(new=None, **transition):
    return found(
        of(
            "state_machine",
            states={"new": new or {}, "end": {"terminal": True}},
            initial="new",
            transitions=[{**GO, **transition}],
        )
    )


def test_a_guard_may_name_the_states_of_its_machine_only():
    assert machine(guard="states.new.visits < 3.0") == set()
    assert machine(guard="states.old.visits < 3.0 && states['odd'].visits > 0.0") == {
        ("unknown_state", "x", "/steps/0/with/transitions/0/guard")
    }


def test_an_entry_may_name_the_states_around_it():
    def entry(name):
        return {
            "entry": body(
                step("a", f"=states.{name}.visits"), step("b", f"{{{{ states.{name}.visits }}}}")
            )
        }

    assert machine(entry("new")) == set()
    assert machine(entry("newer")) == {
        ("unknown_state", "x.new.a", "/steps/0/with/states/new/entry/steps/0/with/value"),
        ("unknown_state", "x.new.b", "/steps/0/with/states/new/entry/steps/1/with/value"),
    }


def test_a_machine_inside_a_machine_names_its_own_states():
    inner = of(
        "state_machine",
        "inner",
        states={"low": {}, "high": {"terminal": True}},
        initial="low",
        transitions=[
            {"trigger": "up", "from": "low", "to": "high", "guard": "states.low.visits > 0.0"}
        ],
    )
    entry = body({**inner, "when": "states.new.visits == 1.0"})

    assert machine({"entry": entry}) == set()
    assert machine({"entry": body({**inner, "when": "states.low.visits == 1.0"})}) == {
        ("unknown_state", "x.new.inner", "/steps/0/with/states/new/entry/steps/0/when")
    }


def ending(outcome):
    return body(of("end", "e", outcome=outcome))


def test_what_an_entry_fires_are_outcomes_that_it_has():
    state = "/steps/0/with/states/new"

    assert machine({"entry": ending("good"), "fires": {"good": "go", "error": "go"}}) == set()
    assert machine({"entry": ending("good"), "fires": {"good": "go", "goood": "go"}}) == {
        ("unknown_outcome", "x", f"{state}/fires/goood")
    }
    assert machine({"fires": {"done": "go"}}) == {("unknown_outcome", "x", f"{state}/fires/done")}
    assert machine({"entry": ending("good"), "fires": {"done": "go"}}) == {
        ("outcome_without_trigger", "x", f"{state}/entry")
    }
