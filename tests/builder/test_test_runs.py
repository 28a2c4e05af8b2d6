"""Test runs: pinned outputs, up to a step, by form; what is derived is a valid definition."""

import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine_harness import at_rest, until, worker_running
from workflows_app.core.definition import definition_check
from workflows_app.core.definition.rehearsal import Pin, literal, rehearsal_of
from workflows_app.core.expressions.templates import compile_value
from workflows_app.models import DraftPin, Run, StepRun
from workflows_app.services.definitions import workflow_create, workflow_publish

DRAFT = {
    "format": 1,
    "name": "Sort",
    "input": {"type": "object", "properties": {"n": {"type": "number"}}},
    "output": {"big": "=steps.big.output", "small": "=steps.small.output"},
    "triggers": [{"event": "sort.me"}],
    "steps": [
        {"id": "twice", "kind": "transform", "with": {"value": "=input.n * 2.0"}},
        {
            "id": "pick",
            "kind": "decision",
            "with": {"branches": [{"port": "large", "when": "steps.twice.output > 10.0"}]},
        },
        {"id": "big", "kind": "transform", "with": {"value": "=steps.twice.output"}},
        {"id": "small", "kind": "transform", "with": {"value": "little"}},
        {"id": "last", "kind": "transform", "with": {"value": "done"}},
    ],
    "edges": [
        {"from": "twice", "to": "pick"},
        {"from": "pick.large", "to": "big"},
        {"from": "pick", "to": "last"},
        {"from": "pick.default", "to": "small"},
    ],
}


def ids(definition):
    return [step["id"] for step in definition["steps"]]


def test_up_to_a_step_only_what_leads_to_it_stays():
    made = rehearsal_of(DRAFT, until="big")

    assert ids(made) == ["twice", "pick", "big"]
    assert made["output"] == "=steps.big.output"
    assert "triggers" not in made
    assert definition_check(made).errors == ()


def test_up_to_a_step_inside_another_runs_all_of_that_one():
    body = {"steps": [{"id": "x", "kind": "transform", "with": {"value": 1}}], "edges": []}
    draft = {
        **DRAFT,
        "steps": [{"id": "box", "kind": "group", "with": {"body": body}}],
        "edges": [],
    }

    assert rehearsal_of(draft, until="box.x")["steps"] == draft["steps"]


def test_a_pinned_step_gives_its_output_by_its_port_and_the_others_die():
    pin = Pin(step="pick", output={"ports": ["default"]}, port="default")

    made = rehearsal_of(DRAFT, pins={"pick": pin})

    pinned = made["steps"][1]
    assert (pinned["id"], pinned["kind"]) == ("pick", "transform")
    assert pinned["with"] == {"value": {"ports": ["default"]}}
    assert {(edge["from"], edge["to"]) for edge in made["edges"]} == {
        ("twice", "pick"),
        ("pick.error", "big"),
        ("pick.error", "last"),
        ("pick", "small"),
    }
    assert definition_check(made).errors == ()


def test_the_draft_itself_is_left_alone():
    before = json.dumps(DRAFT)

    rehearsal_of(DRAFT, pins={"twice": Pin(step="twice", output=1)}, until="big")

    assert json.dumps(DRAFT) == before


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("={}\"' ax\n", max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON_VALUES)
@settings(max_examples=150, deadline=None)
def test_a_literal_gives_the_very_value(value):
    assert compile_value(literal(value), ()).evaluate({}) == value


@pytest.fixture
def sort(workspace, owner):
    return workflow_create(
        name="Sort", slug="sort", definition=deepcopy(DRAFT), actor=owner, workspace=workspace
    )


@pytest.fixture
def start(designer, sort):
    def send(headers=None, **fields):
        data = {"act": "start", "f:/n": "9", **fields}
        return designer.post("/workflows/sort/edit/test/", data, headers=headers or {})

    return send


def test_the_form_starts_one_rehearsal_however_often_it_is_sent(start):
    first, second = start(key="k"), start(key="k")

    run = Run.objects.get()
    assert run.mode == "rehearsal"
    assert run.version.number is None
    assert first["Location"] == second["Location"]
    assert first["Location"].endswith(f"?run={run.number}#result")


def test_the_tab_tells_the_canvas_which_run_to_paint(start):
    response = start(headers={"HX-Request": "true"}, key="k")

    run = Run.objects.get()
    told = json.loads(response["HX-Trigger"])["canvas:run"]
    assert told["run"] == str(run.pk)
    assert f'data-run="{run.pk}"' in response.content.decode()
    assert 'name="key" value="k"' not in response.content.decode()


def test_live_needs_a_published_version_and_runs_that_one(start, sort, owner):
    refused = start(mode="live")
    workflow_publish(workflow=sort, revision=1, actor=owner, note="First")
    partly = start(mode="live", until="big")
    allowed = start(mode="live")

    run = Run.objects.get()
    assert refused.status_code in (409, 422)
    assert partly.status_code == 422
    assert allowed["Location"] == f"/runs/RUN-{run.number}/"
    assert (run.mode, run.version.number) == ("live", 1)


def test_an_input_that_does_not_fit_starts_nothing(start):
    response = start(**{"f:/n": "many"})

    assert response.status_code == 422
    assert "Write a number" in response.content.decode()
    assert not Run.objects.exists()


def test_problems_of_the_draft_are_listed(start, sort):
    sort.draft["steps"][0]["kind"] = "nonsense"
    sort.save(update_fields=["draft"])

    response = start()

    assert response.status_code == 422
    assert "nonsense" in response.content.decode()
    assert not Run.objects.exists()


def test_a_problem_behind_the_chosen_step_does_not_hinder(start, sort):
    sort.draft["steps"][4]["kind"] = "nonsense"
    sort.save(update_fields=["draft"])

    assert start(until="big").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_pinned_run_up_to_a_step_comes_to_its_end(designer, sort, start):
    designer.post("/workflows/sort/edit/test/pin/", {"step": "twice", "output": "100"})
    with worker_running():
        start(until="big")
        run = Run.objects.get()
        until(lambda: at_rest(run.pk))

    run.refresh_from_db()
    steps = dict(StepRun.objects.filter(run=run).values_list("path", "state"))
    assert (run.state, run.output) == ("succeeded", 100)
    assert steps == {"twice": "succeeded", "pick": "succeeded", "big": "succeeded"}


def test_an_output_of_a_run_is_pinned_with_its_port(designer, sort, owner, start):
    start()
    run = Run.objects.get()
    scope = run.scopes.get(kind="root")
    StepRun.objects.filter(run=run).delete()
    StepRun.objects.create(
        run=run, scope=scope, path="pick", step="pick", kind="decision", state="succeeded",
        port="large", output={"ports": ["large"]},
    )  # fmt: skip

    designer.post("/workflows/sort/edit/test/pin/", {"step": "pick", "run": str(run.number)})

    pin = DraftPin.objects.get()
    assert (pin.user, pin.step, pin.port, pin.output) == (
        owner,
        "pick",
        "large",
        {"ports": ["large"]},
    )
    body = designer.get("/workflows/sort/edit/test/step/?path=pick").content.decode()
    assert "Pinned" in body


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"step": "twice", "output": "{"}, "not JSON"),
        ({"step": "nowhere", "output": "1"}, "no step nowhere"),
        ({"step": "twice", "output": '"' + "x" * 100_001 + '"'}, "Nothing was changed"),
    ],
)
def test_what_cannot_be_pinned_is_refused(designer, sort, fields, says):
    response = designer.post("/workflows/sort/edit/test/pin/", fields, follow=True)

    assert says in response.content.decode()
    assert not DraftPin.objects.exists()


def test_pins_are_a_persons_own_and_taken_away_again(client, designer, sort, colleague):
    designer.post("/workflows/sort/edit/test/pin/", {"step": "twice", "output": "1"})
    client.force_login(colleague)
    theirs = client.get("/workflows/sort/edit/test/").content.decode()
    client.post("/workflows/sort/edit/test/pin/", {"step": "twice", "act": "unpin"})

    assert "Pinned, and so not run" not in theirs
    assert DraftPin.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "status"), [("viewer", 403), ("stranger", 404)], ids=["viewer", "stranger"]
)
def test_who_may_not_design_neither_starts_nor_pins(client, request, sort, who, status):
    client.force_login(request.getfixturevalue(who))

    started = client.post("/workflows/sort/edit/test/", {"f:/n": "1", "act": "start"})
    pinned = client.post("/workflows/sort/edit/test/pin/", {"step": "twice", "output": "1"})

    assert {started.status_code, pinned.status_code} == {status}
    assert not Run.objects.exists()
    assert not DraftPin.objects.exists()
