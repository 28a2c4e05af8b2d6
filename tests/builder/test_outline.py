"""The outline: steps added, connected, moved and taken away by plain forms, and undone."""

import re

import pytest

from workflows_app.models import Workflow
from workflows_app.services.definitions import workflow_create

EMPTY = {"format": 1, "name": "Desk", "input": {}, "steps": [], "edges": []}


@pytest.fixture
def desk(workspace, owner):
    return workflow_create(
        name="Desk", slug="desk", definition=EMPTY, actor=owner, workspace=workspace
    )


@pytest.fixture
def act(designer, desk):
    def send(act, headers=None, **fields):
        data = {"act": act, **fields}
        return designer.post("/workflows/desk/edit/outline/", data, headers=headers or {})

    return send


def draft():
    return Workflow.objects.get(slug="desk").draft


def ids():
    return [step["id"] for step in draft()["steps"]]


def edges():
    return {(edge["from"], edge["to"]) for edge in draft()["edges"]}


def test_steps_are_added_after_ports_and_in_between(act):
    first = act("add", kind="transform", id="first")
    act("add", kind="approval", id="ask", source="first", port="done")
    act("add", kind="transform", id="no", source="ask", port="rejected")
    act("add", kind="model", id="middle", source="first", port="done", between="1")

    assert first["Location"] == "/workflows/desk/edit/outline/?at=first#chosen"
    assert ids() == ["first", "ask", "no", "middle"]
    assert edges() == {("first", "middle"), ("middle", "ask"), ("ask.rejected", "no")}


def test_an_id_is_made_where_none_is_given_and_never_twice(act):
    act("add", kind="transform")
    act("add", kind="transform")
    again = act("add", kind="transform", id="transform")

    assert ids() == ["transform", "transform_2"]
    assert again.status_code == 422
    assert "already a step called transform" in again.content.decode()


def test_connections_that_make_no_sense_are_refused_with_the_reason(act):
    act("add", kind="transform", id="a")
    act("add", kind="transform", id="b", source="a")
    circle = act("connect", at="b", source="b", port="done", target="a")
    self_loop = act("connect", at="b", source="b", port="done", target="b")
    no_port = act("connect", at="b", source="b", port="maybe", target="a")

    assert edges() == {("a", "b")}
    assert "close a circle" in circle.content.decode()
    assert "cannot lead to itself" in self_loop.content.decode()
    assert "no such port" in no_port.content.decode()
    assert {one.status_code for one in (circle, self_loop, no_port)} == {422}


def test_targets_that_cannot_be_are_shown_with_their_reason(designer, act):
    act("add", kind="transform", id="a")
    act("add", kind="transform", id="b", source="a")

    body = designer.get("/workflows/desk/edit/outline/?at=b").content.decode()

    assert 'value="a" disabled' in body
    assert "This would close a circle" in body


def test_a_deleted_step_leaves_no_gap_unless_asked(act):
    for name, after in (("a", ""), ("b", "a"), ("c", "b")):
        act("add", kind="transform", id=name, source=after)
    act("delete", at="b", closes_gap="1")
    closed = edges()
    act("undo")
    act("delete", at="b")

    assert closed == {("a", "c")}
    assert edges() == set()
    assert ids() == ["a", "c"]


def test_a_step_moves_behind_another_and_into_a_body(act):
    for name, after in (("a", ""), ("b", "a"), ("c", "b")):
        act("add", kind="transform", id=name, source=after)
    act("add", kind="group", id="box", source="c")
    act("move", at="a", to="b.done")
    moved = edges()
    act("move_into", at="c", into="/box")

    assert moved == {("b", "a"), ("a", "c"), ("c", "box")}
    assert ids() == ["a", "b", "box"]
    assert [one["id"] for one in draft()["steps"][2]["with"]["body"]["steps"]] == ["c"]
    assert edges() == {("b", "a"), ("a", "box")}
    into_itself = act("move_into", at="box", into="/box")
    assert into_itself.status_code == 422


def test_a_step_changes_places_with_the_one_before_or_after_it(act):
    for name, after in (("a", ""), ("b", "a"), ("c", "b")):
        act("add", kind="transform", id=name, source=after)
    act("earlier", at="b")
    up = edges()
    act("later", at="b")
    down = edges()
    act("later", at="b")

    assert up == {("b", "a"), ("a", "c")}
    assert down == {("a", "b"), ("b", "c")}
    assert edges() == {("a", "c"), ("c", "b")}
    refused = act("earlier", at="a")
    assert refused.status_code == 422
    assert "a is the first here already" in refused.content.decode()


def test_a_step_that_nothing_leads_to_changes_no_places(act):
    act("add", kind="transform", id="a")

    answer = act("later", at="a")

    assert answer.status_code == 422
    assert "choose below what it shall come after" in answer.content.decode()


def test_states_and_transitions_of_a_machine_are_edited(designer, act):
    act("add", kind="state_machine", id="order")
    act("state_add", machine="order", state="paid", at="order")
    act("transition_add", machine="order", state="open", trigger="pay", target="paid", guard="true")
    act("transition_add", machine="order", state="paid", trigger="again", target="paid")
    shown = designer.get("/workflows/desk/edit/outline/?at=order.paid").content.decode()
    act("transition_delete", machine="order", state="open", place="0")

    machine = draft()["steps"][0]["with"]
    assert machine["states"]["paid"] == {}
    assert machine["transitions"] == [
        {"trigger": "pay", "from": "open", "to": "paid", "guard": "true"},
        {"trigger": "again", "from": "paid", "to": "paid"},
    ]
    assert "Reached by" in shown
    assert "open, pay" in shown
    act("state_delete", machine="order", state="paid")
    assert set(draft()["steps"][0]["with"]["states"]) == {"open", "closed"}
    assert draft()["steps"][0]["with"]["transitions"] == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"act": "state_add", "state": "open"}, "already a state called open"),
        ({"act": "state_add", "state": "1"}, "begins with a letter"),
        ({"act": "state_delete", "state": "open"}, "The machine begins in open"),
        (
            {"act": "transition_add", "state": "closed", "trigger": "x", "target": "open"},
            "last state",
        ),
        ({"act": "transition_add", "state": "open", "target": "closed"}, "Give the trigger a name"),
        ({"act": "transition_add", "state": "open", "trigger": "x", "target": "no"}, "no state no"),
        ({"act": "transition_delete", "state": "open", "place": "7"}, "not there any more"),
        ({"act": "transition_delete", "state": "open", "place": "x"}, "no such action"),
    ],
)
def test_what_a_machine_cannot_be_is_refused(act, fields, says):
    act("add", kind="state_machine", id="order")
    before = draft()

    answer = act(fields.pop("act"), machine="order", at="order.open", **fields)

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert draft() == before


def test_the_tree_tells_its_levels_and_every_state(designer, act):
    act("add", kind="state_machine", id="order")
    act("add", kind="transform", id="greet", body="order.open")
    body = designer.get("/workflows/desk/edit/outline/").content.decode()

    found = re.findall(
        r'role="treeitem" aria-level="(\d)"( aria-expanded="true")? href="[^"]*at=([^#]*)#', body
    )
    assert [(level, bool(opens), path) for level, opens, path in found] == [
        ("1", True, "order"),
        ("2", True, "order.open"),
        ("3", False, "order.open.greet"),
        ("2", False, "order.closed"),
    ]
    assert body.count('role="tree"') == 1


def test_steps_are_added_inside_bodies_and_states(designer, act):
    act("add", kind="map", id="each")
    act("add", kind="transform", id="one", body="each")
    act("add", kind="transform", id="two", body="each", source="one")
    act("add", kind="state_machine", id="order")
    act("add", kind="transform", id="greet", body="order.open")

    each, order = draft()["steps"]
    assert [one["id"] for one in each["with"]["body"]["steps"]] == ["one", "two"]
    assert each["with"]["body"]["edges"] == [{"from": "one", "to": "two"}]
    assert [one["id"] for one in order["with"]["states"]["open"]["entry"]["steps"]] == ["greet"]
    body = designer.get("/workflows/desk/edit/outline/?at=order.open.greet").content.decode()
    assert 'id="chosen"' in body


def test_a_new_id_is_carried_into_edges_and_expressions(act):
    act("add", kind="transform", id="a")
    act("add", kind="transform", id="b", source="a")
    workflow = Workflow.objects.get(slug="desk")
    workflow.draft["steps"][1]["with"]["value"] = "=steps.a.output"
    workflow.save(update_fields=["draft"])

    response = act("rename", at="a", id="first")
    refused = act("rename", at="first", id="b")

    assert response["Location"].endswith("?at=first#chosen")
    assert ids() == ["first", "b"]
    assert edges() == {("first", "b")}
    assert draft()["steps"][1]["with"]["value"] == "=steps.first.output"
    assert refused.status_code == 422


def test_edits_are_undone_and_redone(act):
    act("add", kind="transform", id="a")
    act("add", kind="transform", id="b", source="a")
    act("undo")
    after_undo = ids()
    act("redo")
    nothing = [act("undo"), act("undo"), act("undo")][-1]

    assert after_undo == ["a"]
    assert ids() == []
    assert nothing.status_code == 409


def test_the_fragment_tells_the_canvas_what_changed(act):
    response = act("add", kind="transform", id="a", headers={"HX-Request": "true"})

    assert response.status_code == 200
    assert "<html" not in response.content.decode()
    assert '"draft:changed"' in response["HX-Trigger"]
    assert '"path": ["steps", "a"]' in response["HX-Trigger"]


@pytest.mark.parametrize(
    ("who", "status"), [("viewer", 403), ("stranger", 404)], ids=["viewer", "stranger"]
)
def test_who_may_not_design_changes_nothing(client, request, desk, who, status):
    client.force_login(request.getfixturevalue(who))

    response = client.post("/workflows/desk/edit/outline/", {"act": "add", "kind": "transform"})

    assert response.status_code == status
    assert ids() == []


def test_a_viewer_reads_the_tree_without_forms(client, viewer, act):
    act("add", kind="transform", id="a")
    client.force_login(viewer)

    body = client.get("/workflows/desk/edit/outline/?at=a").content.decode()

    assert 'id="chosen"' in body
    assert 'name="act"' not in body


def test_names_are_escaped(designer, act, desk):
    act("add", kind="transform", id="a")
    workflow = Workflow.objects.get(slug="desk")
    workflow.draft["steps"][0]["name"] = "<script>alert(1)</script>"
    workflow.save(update_fields=["draft"])

    body = designer.get("/workflows/desk/edit/outline/?at=a").content.decode()

    assert "<script>alert(1)" not in body
    assert "&lt;script&gt;alert(1)" in body
