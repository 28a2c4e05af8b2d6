"""The properties that some kinds have: tools of an agent, people, states of a machine."""

from tests.builder.pages import form_of, forms_of
from tests.builder.properties_hand import draft, fields, save
from workflows_app.models import Group, Member

AGENT = {
    "id": "helper",
    "kind": "agent",
    "with": {"model": "small", "prompt": "Help", "tools": ["payments.refund"]},
}


def test_each_tool_of_an_agent_has_its_own_gate(designer, workflow):
    workflow.draft["steps"].append(AGENT)
    workflow.save()
    for said in ("none", "ask"):
        form = form_of(fields(designer, "helper"), "/with/tools")
        save(designer, form, "helper", **{"v/0/approval/as": said})
        tools = draft(workflow)["steps"][-1]["with"]["tools"]
        if said == "none":
            assert tools == [{"tool": "payments.refund", "approval": "none"}]
    form = form_of(fields(designer, "helper"), "/with/tools")
    named = {"v/0/approval/assignees/0": "group:refund-approvers", "v/0/approval/deadline": "2h"}
    save(designer, form, "helper", **named)

    gate = draft(workflow)["steps"][-1]["with"]["tools"][0]["approval"]
    assert (gate["assignees"], gate["deadline"]) == (["group:refund-approvers"], "2h")
    form = form_of(fields(designer, "helper"), "/with/tools")
    save(designer, form, "helper", **{"v/0/approval/as": ""})
    assert draft(workflow)["steps"][-1]["with"]["tools"] == [{"tool": "payments.refund"}]


def test_who_decides_are_tokens_that_say_who_is_unknown(designer, owner, workflow):
    group = Group.objects.create(workspace=workflow.workspace, name="approvers")
    group.members.add(Member.objects.get(user=owner))
    workflow.draft["steps"][0]["approval"] = {"assignees": ["group:approvers", "user:nobody"]}
    workflow.save()
    step = workflow.draft["steps"][0]["id"]

    body = fields(designer, step)

    assert "1 person" in body
    assert "There is no person nobody." in body
    assert "There is no group" not in body
    form = form_of(body, "/approval")
    save(designer, form, step, act="drop:v/assignees:1", **{"v/assignees/2": "user:mira"})
    kept = draft(workflow)["steps"][0]["approval"]["assignees"]
    assert kept == ["group:approvers", "user:mira"]


MACHINE = {
    "id": "order",
    "kind": "state_machine",
    "with": {
        "initial": "open",
        "states": {"open": {}, "paid": {}, "closed": {"terminal": True}},
        "transitions": [
            {"trigger": "pay", "from": "open", "to": "paid"},
            {"trigger": "close", "from": ["open", "paid"], "to": "closed"},
        ],
    },
}


def test_what_names_a_state_follows_its_new_name(designer, workflow):
    workflow.draft["steps"].append(MACHINE)
    workflow.save()
    form = form_of(fields(designer, "order"), "/with/states")

    save(designer, form, "order", **{"v/0/~key": "fresh"})

    held = draft(workflow)["steps"][-1]["with"]
    assert held["initial"] == "fresh"
    assert list(held["states"]) == ["fresh", "paid", "closed"]
    assert held["transitions"] == [
        {"trigger": "pay", "from": "fresh", "to": "paid"},
        {"trigger": "close", "from": ["fresh", "paid"], "to": "closed"},
    ]


def test_the_states_of_a_machine_have_a_page_of_their_own(designer, workflow):
    workflow.draft["steps"].append(MACHINE)
    workflow.save()

    page = designer.get("/workflows/refund/edit/states/?path=order").content.decode()
    missing = designer.get("/workflows/refund/edit/states/?path=draft")

    assert 'mode="states" path="order"' in page
    assert 'data-path="order"' in page
    assert "/workflows/refund/edit/states/?path=order" in fields(designer, "order")
    assert missing.status_code == 404


def test_settings_that_need_another_come_and_go_with_it(designer, workflow):
    workflow.draft["steps"].append({"id": "join", "kind": "merge", "with": {"mode": "object"}})
    workflow.save()
    before = {form.pointer for form in forms_of(fields(designer, "join"))}

    answer = save(designer, form_of(fields(designer, "join"), "/with/mode"), "join", v="model")

    after = {form.pointer for form in forms_of(answer.content.decode())}
    assert {"/with/value", "/with/model", "/with/prompt"}.isdisjoint(before)
    assert after - before == {"/with/model", "/with/prompt"}
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#properties", "innerHTML")


def test_a_machine_offers_its_states_and_a_gate_stands_in_parts(designer, workflow):
    workflow.draft["steps"] += [MACHINE, {"id": "ask", "kind": "approval", "with": {}}]
    workflow.save()

    machine, gate = fields(designer, "order"), fields(designer, "ask")

    offered = machine.partition('list="l-p-with-initial"')[2].partition("</datalist>")[0]
    assert '<option value="paid">' in offered
    titles = [part.partition("</h3>")[0] for part in gate.split("<h3>")[1:]]
    assert titles[:3] == ["Settings", "What they see", "Answer and escalation"]
    assert "summary is missing" in gate.replace("the field ", "")
