"""Problems lead to their steps, and offer the fix where there is one."""

import pytest

from tests.builder.definitions import START
from workflows_app.builder.fixes import fix_find
from workflows_app.core.definition import CheckContext, ToolFacts, WorkflowFacts, definition_check
from workflows_app.core.definition.changes import changes_apply
from workflows_app.models import Workflow

CONTEXT = CheckContext(
    tools={
        "pay": ToolFacts(
            input={"properties": {"amount": {}, "to": {}}, "required": ["amount"]},
            effect="irreversible",
        )
    },
    models=frozenset({"small", "large"}),
    groups={"boss": frozenset({"ann"}), "bosses": frozenset()},
    users=frozenset({"ann", "benedict"}),
    workflows={"refund": WorkflowFacts(input={}, version=1)},
    calendars=frozenset({"office"}),
)
GIVE = {"id": "give", "kind": "transform", "with": {"value": 1}}


def one(step, **more):
    return {"format": 1, "name": "X", "input": START["input"], "steps": [step], "edges": [], **more}


def step(kind, **settings):
    return {"id": "a", "kind": kind, "with": settings}


ASK = {"summary": "?", "assignees": ["group:boss"]}
CASES = {
    "expression_integer": one(step("transform", value="=input.amount + 1")),
    "expression_type": one({**step("transform", value=1), "when": "input.amount + 1 > 2.0"}),
    "expression_syntax": one({**step("transform", value=1), "when": "=input.amount > 1.0"}),
    "unknown_port": one(step("router", model="small", labels=["refund"], prompt="p"),
                        steps=[step("router", model="small", labels=["refund"], prompt="p"), GIVE],
                        edges=[{"from": "a.refunds", "to": "give"}]),
    "unknown_step": one(GIVE, edges=[{"from": "give", "to": "gone"}]),
    "duplicate_edge": one(GIVE, steps=[GIVE, {**GIVE, "id": "b"}],
                          edges=[{"from": "give", "to": "b"}, {"from": "give", "to": "b"}]),
    "unknown_field": one({**GIVE, "colour": "red"}),
    "unbounded_loop": one(step("loop", body={"steps": [GIVE]}, until="true")),
    "quorum_too_large": one(GIVE, steps=[GIVE, {**GIVE, "id": "b", "join": {"quorum": 4}},
                                         {**GIVE, "id": "c"}],
                            edges=[{"from": "give", "to": "b"}, {"from": "c", "to": "b"}]),
    "join_single_edge": one(GIVE, steps=[GIVE, {**GIVE, "id": "b", "join": "any"}],
                            edges=[{"from": "give", "to": "b"}]),
    "no_timeout_path": one(step("approval", **ASK)),
    "ungated_effect": one(step("tool", tool="pay", arguments={"amount": 1})),
    "ungated_agent_tool": one(step("agent", model="small", prompt="p", tools=["pay"])),
    "empty_assignees": one(step("approval", summary="?", assignees=[])),
    "unmapped_input": one(step("tool", tool="pay", arguments={})),
    "unknown_model": one(step("model", model="smal", prompt="p")),
    "unknown_tool": one(step("tool", tool="payy", arguments={"amount": 1})),
    "unknown_workflow": one(step("workflow", slug="refnd")),
    "unknown_calendar": one(step("approval", **ASK, calendar="ofice")),
    "unknown_user": one(step("approval", summary="?", assignees=["user:benedikt"])),
    "unknown_group": one(step("approval", summary="?", assignees=["group:bos"])),
    "empty_group": one(step("approval", summary="?", assignees=["group:bosses"])),
    "need_too_large": one(step("approval", **ASK, need=3)),
    "duplicate_id": one(GIVE, steps=[GIVE, GIVE]),
    "idempotent_box": one({**step("group", body={"steps": [GIVE]}), "idempotent": True}),
    "cache_with_effect": one({**step("tool", tool="pay", arguments={"amount": 1}), "cache": True}),
    "missing_join": one(GIVE, steps=[GIVE, {**GIVE, "id": "b"}, {**GIVE, "id": "c"}],
                        edges=[{"from": "give", "to": "b"}, {"from": "give", "to": "c"}]),
}  # fmt: skip


def found(draft):
    return {
        problem.code: problem.as_json() for problem in definition_check(draft, CONTEXT).problems
    }


@pytest.mark.parametrize("code", CASES)
def test_a_fix_solves_its_problem_and_makes_no_new_error(code):
    draft = CASES[code]
    problem = found(draft)[code]

    label, changes = fix_find(draft, problem, CONTEXT)
    made, conflicts = changes_apply(draft, changes)

    errors = {problem.code for problem in definition_check(made, CONTEXT).errors}
    assert label
    assert not conflicts
    assert code not in found(made)
    assert errors <= {problem.code for problem in definition_check(draft, CONTEXT).errors}


def test_a_problem_that_a_person_has_to_think_about_has_no_fix():
    problem = found(one({**GIVE, "kind": "nonsense"}))["unknown_kind"]

    assert fix_find(one(GIVE), problem, CONTEXT) is None


def test_the_panel_leads_to_the_step_and_fixes_what_it_offers(designer, workflow):
    draft = {**START, "edges": [{"from": "classify.refunds", "to": "draft"}]}
    Workflow.objects.filter(pk=workflow.pk).update(draft=draft)
    body = designer.get("/workflows/refund/edit/problems/").content.decode()
    assert "Use refund" in body
    assert 'data-step="classify"' in body

    address = {"code": "unknown_port", "pointer": "/edges/0/from"}
    response = designer.post("/workflows/refund/edit/fix/", address,
                             headers={"HX-Request": "true"})  # fmt: skip

    workflow.refresh_from_db()
    assert response.status_code == 200
    assert workflow.draft["edges"] == [{"from": "classify.refund", "to": "draft"}]
    assert designer.post("/workflows/refund/edit/fix/", address).status_code == 409


def test_a_viewer_fixes_nothing(client, viewer, workflow):
    client.force_login(viewer)

    body = client.get("/workflows/refund/edit/problems/").content.decode()

    assert "<form" not in body
    assert client.post("/workflows/refund/edit/fix/", {}).status_code == 403
