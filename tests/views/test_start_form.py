"""The start form: rows without scripts, form and JSON in both directions, fields checked alone."""

import json
import re
from datetime import timedelta

import pytest

from tests.views import factories
from workflows_app.models import Group, Run
from workflows_app.services.definitions import workflow_create, workflow_publish

DEFINITION = {
    "format": 1,
    "name": "Order",
    "input": {
        "type": "object",
        "required": ["email", "speed"],
        "properties": {
            "email": {"type": "string", "format": "email", "title": "Write to"},
            "speed": {"enum": ["slow", "fast"]},
            "at": {"type": "string", "format": "date-time"},
            "amount": {"type": "number", "minimum": 1, "maximum": 9},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}},
                },
            },
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
    },
    "steps": [
        {"id": "give", "kind": "transform", "with": {"value": "=input.email"}},
        {
            "id": "ask",
            "kind": "approval",
            "with": {"summary": "Send?", "assignees": ["group:desk"]},
        },
    ],
    "edges": [{"from": "give", "to": "ask"}],
}


@pytest.fixture
def workflow(workspace, owner):
    reviewer = factories.user_make("rita", workspace, ("reviewer",))
    group = Group.objects.create(workspace=workspace, name="desk")
    group.members.add(*reviewer.memberships.all())
    made = workflow_create(
        name="Order", slug="order", definition=DEFINITION, actor=owner, workspace=workspace
    )
    workflow_publish(workflow=made, revision=made.revision, actor=owner, note="First")
    return made


@pytest.fixture
def page(client, owner, workflow):
    client.force_login(owner)

    def send(**fields):
        names = {key.replace("__", "/"): value for key, value in fields.items()}
        return client.post("/runs/start/order/", names)

    return send


def names_of(response):
    return set(re.findall(r'name="(f:[^"]+)"', response.content.decode().split("<template")[0]))


def test_rows_come_and_go_without_scripts_and_keep_the_rest(page):
    first = page(**{"f:/email": "a@b.c", "act": "add:/lines"})
    second = page(**{"f:/email": "a@b.c", "f:/lines/0/sku": "X1", "act": "add:/lines"})
    third = page(**{"f:/lines/0/sku": "X1", "f:/lines/1/sku": "X2", "act": "remove:/lines/0"})

    assert "f:/lines/0/sku" in names_of(first)
    assert 'value="a@b.c"' in first.content.decode()
    assert {"f:/lines/0/sku", "f:/lines/1/sku"} <= names_of(second)
    shown = third.content.decode()
    assert 'value="X2"' in shown
    assert 'value="X1"' not in shown
    assert not Run.objects.exists()


def test_rows_stand_in_the_order_in_which_they_were_put(page):
    moved = page(**{"f:/lines/0/sku": "X1", "f:/lines/1/sku": "X2", "act": "up:/lines/1"})
    first = page(**{"f:/lines/0/sku": "X1", "f:/lines/1/sku": "X2", "act": "up:/lines/0"})
    # The browser moves rows itself and tells their order.
    order = {"f:/lines/@": ["/lines/1", "/lines/0"]}
    told = page(**{"f:/lines/0/sku": "X1", "f:/lines/1/sku": "X2", "act": "as:json", **order})

    assert [row["sku"] for row in rows_of(moved)] == ["X2", "X1"]
    assert [row["sku"] for row in rows_of(first)] == ["X1", "X2"]
    assert [row["sku"] for row in json.loads(told.context["text"])["lines"]] == ["X2", "X1"]


def rows_of(response):
    form = response.context["form"]
    lines = next(one for one in form.children if one.pointer == "/lines")
    return [{field.pointer.rpartition("/")[2]: field.value for field in row.children}
            for row in lines.children]  # fmt: skip


def test_each_problem_stands_at_its_field_and_the_top_leads_there(page):
    sent = {"f:/email": "no", "f:/lines/3/count": "x", "f:/lines/7/count": "1.5", "f:/tags/0": ""}
    response = page(**sent, **{"f:/lines/@": ["/lines/7", "/lines/3"], "as": "form"}, act="start")

    body = response.content.decode()
    marked = {words: said for words, _, said in response.context["form"].marked()}
    assert response.status_code == 422
    assert marked == {
        "Write to": "Write an address such as name@example.com.",
        "Speed": "Needed",
        "Lines › 1 › Count": "Write a whole number.",
        "Lines › 2 › Count": "Write a whole number.",
    }
    assert '<a class="link" href="#f-lines-0-count" data-to-field>Lines › 1 › Count</a>' in body
    assert not Run.objects.exists()


def test_a_list_that_needs_an_entry_says_so_in_words(page):
    sent = {"f:/email": "a@b.co", "f:/speed": '"fast"', "as": "json", "act": "as:form"}
    page_ = page(**{**sent, "json": json.dumps({"email": "a@b.co", "tags": []})})
    body = {"email": "a@b.co", "speed": "fast", "tags": []}
    refused = page(**{"as": "json", "json": json.dumps(body), "act": "start"})

    assert page_.status_code == 200
    assert refused.status_code == 422
    assert {words: said for words, _, said in refused.context["form"].marked()} == {
        "Tags": "Add at least one entry."
    }


def test_an_untouched_list_is_left_out(page):
    page(**{"f:/email": "a@b.co", "f:/speed": '"fast"', "mode": "rehearsal", "act": "start"})

    assert Run.objects.get().input == {"email": "a@b.co", "speed": "fast"}


def test_what_was_written_turns_from_form_to_json_and_back(page):
    as_json = page(**{"f:/email": "a@b.co", "f:/amount": "3", "act": "as:json"})
    text = json.loads(as_json.context["text"])
    as_form = page(**{"as": "json", "json": json.dumps(text), "act": "as:form"})

    assert text == {"email": "a@b.co", "amount": 3}
    assert as_json.context["as_json"] is True
    assert as_form.context["as_json"] is False
    assert 'value="a@b.co"' in as_form.content.decode()
    assert not Run.objects.exists()


def test_json_that_cannot_be_read_stays_where_it_is(page):
    response = page(**{"as": "json", "json": "{", "act": "as:form"})

    assert response.context["as_json"] is True
    assert response.context["text"] == "{"
    assert response.context["problems"]


@pytest.mark.parametrize(
    ("at", "fields", "says"),
    [
        ("/email", {"f:/email": "nobody"}, "Write an address such as name@example.com."),
        ("/speed", {"f:/speed": ""}, "Needed"),
        ("/amount", {"f:/amount": "many"}, "Write a number."),
        ("/amount", {"f:/amount": "12"}, "Give at most 9."),
        ("/amount", {"f:/amount": "nan"}, "Write a number."),
        ("/amount", {"f:/amount": "5"}, ""),
        ("/lines", {"f:/lines/0/sku": "X"}, ""),
        # The first row was taken away: what the form calls 1 is the first of the value.
        ("/lines/1/count", {"f:/lines/1/count": "x"}, "Write a whole number."),
        ("/lines/4/count", {"f:/lines/1/count": "x", "f:/lines/4/count": "2"}, ""),
        ("/nowhere", {"f:/amount": "5"}, ""),
    ],
)
def test_one_field_is_checked_alone(client, owner, workflow, at, fields, says):
    client.force_login(owner)

    response = client.post("/runs/start/order/check/", {**fields, "at": at})

    text = response.content.decode()
    assert response.status_code == 200
    assert (says in text.replace("&#x27;", "'")) if says else not text.strip()
    assert "<input" not in text


def test_a_stranger_checks_nothing(client, workflow):
    stranger = factories.user_make("sam", factories.workspace_make("other"), ("admin",))
    client.force_login(stranger)

    assert client.post("/runs/start/order/check/", {"at": "/email"}).status_code == 404


def test_a_time_with_a_zone_is_shown_in_utc(client, owner, workflow):
    run = factories.run_make(
        workflow.versions.get(), input={"email": "a@b.co", "at": "2026-01-05T10:00:00+01:00"}
    )
    client.force_login(owner)

    body = client.get(f"/runs/start/order/?from=RUN-{run.number}").content.decode()

    assert 'value="2026-01-05T09:00"' in body


def test_the_page_tells_what_to_expect_and_who_is_asked(client, owner, workflow):
    version = workflow.versions.get()
    run = factories.run_make(version, "succeeded", cost_usd=0.5)
    run.started_at = run.finished_at - timedelta(minutes=3)
    run.save(update_fields=["started_at"])
    client.force_login(owner)

    body = client.get("/runs/start/order/").content.decode()

    assert "3 min" in body
    assert "$0.50" in body
    assert "desk (rita)" in body
    assert f"RUN-{run.number}" in body


def test_few_choices_are_radios_and_limits_are_told(client, owner, workflow):
    client.force_login(owner)

    body = client.get("/runs/start/order/").content.decode()

    assert body.count('type="radio" name="f:/speed"') == 2
    assert "at least 1, at most 9" in body
