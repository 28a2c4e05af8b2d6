"""What a check finds: each rule by its stable code, at its step and pointer."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows_app.core.json_values import json_values
from workflows_app.core.definition import (
    CheckContext,
    ToolFacts,
    WorkflowFacts,
    definition_check,
    definition_digest,
)


def step(name, /, value=1, **more):
    return {"id": name, "kind": "transform", "with": {"value": value}, **more}


def of(kind, name="x", /, **settings):
    return {"id": name, "kind": kind, "with": settings}


def edges(*pairs):
    return [dict(zip(("from", "to"), pair.split(">"), strict=True)) for pair in pairs]


def workflow(steps, *pairs, **more):
    return {"format": 1, "name": "W", "steps": steps, "edges": edges(*pairs), **more}


def body(*steps, pairs=(), **more):
    return {"steps": list(steps), "edges": edges(*pairs), **more}


def found(document, context=None):
    """Give (code, step, pointer) of each problem."""
    checked = definition_check(document, context)
    return {(one.code, one.step, one.pointer) for one in checked.problems}


def codes(document, context=None):
    return {one.code for one in definition_check(document, context).problems}


def errors(document, context=None):
    return {one.code for one in definition_check(document, context).errors}


SOUND = workflow(
    [
        step("first", {"n": "=input.n"}),
        of("decision", "choose", branches=[{"port": "big", "when": "steps.first.output.n > 5.0"}]),
        of(
            "map",
            "each",
            items="=input.items",
            body=body(
                step("inner", "=item.n * 2.0 + index"),
                of(
                    "loop",
                    "again",
                    body=body(step("deep", "=previous")),
                    until="output.ok",
                    limit=3,
                ),
                pairs=["inner>again"],
            ),
        ),
        of("merge", "join"),
    ],
    "first>choose",
    "choose.big>each",
    "choose.default>join",
    "each>join",
    input={"type": "object", "properties": {"n": {"type": "number"}}},
    output={"all": "=steps.join.output"},
    layout={"first": [0, 0]},
)


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


ASK = {"summary": "May I?", "assignees": ["group:team"], "deadline": "1h"}
PEOPLE = CheckContext(
    groups={"team": frozenset({"ann", "bob"}), "nobody": frozenset()},
    users=frozenset({"ann", "bob", "cid"}),
    editors=frozenset({"ann"}),
    calendars=frozenset({"office", "always"}),
)


def asked(**changes):
    document = workflow([step("a", approval={**ASK, **changes}), step("z")], "a.rejected>z")
    return {(one.code, one.pointer) for one in definition_check(document, PEOPLE).problems}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"assignees": []}, ("empty_assignees", "/steps/0/approval/assignees")),
        ({"assignees": ["group:nobody"]}, ("empty_group", "/steps/0/approval/assignees/0")),
        ({"assignees": ["group:none"]}, ("unknown_group", "/steps/0/approval/assignees/0")),
        ({"assignees": ["user:eve"]}, ("unknown_user", "/steps/0/approval/assignees/0")),
        ({"assignees": ["bob"]}, ("invalid_value", "/steps/0/approval/assignees/0")),
        ({"assignees": ["user:ann"]}, ("nobody_may_decide", "/steps/0/approval/assignees")),
        ({"need": 2}, ("need_too_large", "/steps/0/approval/assignees")),
        ({"calendar": "moon"}, ("unknown_calendar", "/steps/0/approval/calendar")),
        ({"deadline": "tomorrow"}, ("bad_duration", "/steps/0/approval/deadline")),
        ({"when": "proposal.x +"}, ("expression_syntax", "/steps/0/approval/when")),
        ({"colour": 1}, ("unknown_field", "/steps/0/approval/colour")),
    ],
)
def test_gates_are_checked(changes, problem):
    assert asked() == asked(calendar="office") == asked(calendar="always") == set()
    assert problem in asked(**changes)


def test_a_gate_whose_timeout_leads_nowhere_is_a_warning():
    alone = definition_check(workflow([step("a", approval=ASK)]))
    led_on = workflow([step("a", approval=ASK), step("b")], "a.expired>b")

    assert [(one.code, one.severity) for one in alone.problems] == [("no_timeout_path", "warning")]
    assert alone.is_valid
    assert codes(led_on) == set()


TOOLS = CheckContext(
    tools={
        "read": ToolFacts(input={"required": ["id"], "properties": {"id": {}}}, effect="none"),
        "pay": ToolFacts(effect="irreversible"),
        "off": ToolFacts(effect="none", is_enabled=False),
    },
    models=frozenset({"small"}),
    workflows={"child": WorkflowFacts(input={"required": ["n"]}, version=1)},
    slug="own",
)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (of("tool", tool="read", arguments={"id": 1}), set()),
        (of("tool", tool="read", arguments="=input"), set()),
        (of("tool", tool="read"), {"unmapped_input"}),
        (of("tool", tool="none"), {"unknown_tool"}),
        (of("tool", tool="off"), {"disabled_tool"}),
        (of("tool", tool="pay"), {"ungated_effect"}),
        ({**of("tool", tool="pay"), "effect": "none"}, set()),
        (
            {**of("tool", tool="pay"), "guardrails": [{"check": "rate", "limit": 5, "per": "1h"}]},
            set(),
        ),
        (
            {**of("tool", tool="read", arguments={"id": 1}), "undo": {"tool": "no"}},
            {"unknown_tool"},
        ),
        (of("agent", model="small", prompt="p", tools=["read"]), set()),
        (of("agent", model="small", prompt="p", tools=["pay"]), {"ungated_agent_tool"}),
        (
            of("agent", model="small", prompt="p", tools=[{"tool": "pay", "approval": "none"}]),
            set(),
        ),
        (of("model", model="large", prompt="p"), {"unknown_model"}),
        (of("workflow", slug="child", input={"n": 1}), set()),
        (of("workflow", slug="child"), {"unmapped_input"}),
        (of("workflow", slug="gone"), {"unknown_workflow"}),
        (of("workflow", slug="own"), set()),
    ],
)
def test_calls_are_checked_against_what_there_is(one, expected):
    assert codes(workflow([one]), TOOLS) == expected


def test_an_ungated_effect_of_a_step_warns_and_of_an_agent_blocks():
    tool = workflow([of("tool", tool="pay")])
    agent = workflow([of("agent", model="small", prompt="p", tools=["pay"])])

    assert definition_check(tool, TOOLS).is_valid
    assert errors(agent, TOOLS) == {"ungated_agent_tool"}


def test_an_approval_before_an_effect_is_its_gate():
    ask = of("approval", "ask", **ASK)
    document = workflow(
        [ask, of("tool", "pay", tool="pay"), step("no")], "ask>pay", "ask.rejected>no"
    )

    assert codes(document, TOOLS) == set()


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
