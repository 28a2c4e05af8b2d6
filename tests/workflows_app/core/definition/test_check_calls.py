"""What a check finds of gates, calls and their effects, beside the people and tools there are."""

import pytest

from tests.workflows_app.core.definition.documents import codes, errors, of, step, workflow
from workflows_app.core.definition import CheckContext, ToolFacts, WorkflowFacts, definition_check

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
