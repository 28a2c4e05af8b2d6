"""Bulk operations by API."""

import json
from uuid import uuid4

import pytest

from tests.api.callers import assert_problem, publish
from workflows_app.models import AppEvent, Run, RunEvent
from workflows_app.services.bulk_work import bulk_work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def runs(api):
    publish(api)
    return [api.post("workflows/double/runs", {"input": {"n": n}}).json() for n in range(3)]


def test_pauses_by_filter_and_gives_every_result(api, runs):
    made = api.post(
        "runs/bulk", {"action": "pause", "filter": {"workflow": "double"}, "reason": "stop here"}
    )
    begun = made.json()
    bulk_work(seconds=20)

    ended = api.get(f"runs/bulk/{begun['id']}").json()

    assert made.status_code == 201
    assert (begun["state"], begun["total"], begun["done"]) == ("running", 3, 0)
    assert [one["status"] for one in begun["results"]] == ["pending"] * 3
    assert (ended["state"], ended["done"], ended["failed"]) == ("done", 3, 0)
    assert {one["run"] for one in ended["results"]} == {run["id"] for run in runs}
    assert set(Run.objects.values_list("state", flat=True)) == {"paused"}
    assert AppEvent.objects.filter(type="runs.bulk_started", actor="user:owner").count() == 1


def test_a_refusal_is_the_result_of_that_run_alone(api, runs):
    api.post(f"runs/{runs[0]['id']}/pause", {})
    begun = api.post(
        "runs/bulk", {"action": "pause", "ids": [runs[0]["id"], runs[1]["id"], str(uuid4())]}
    ).json()
    bulk_work(seconds=20)

    ended = api.get(f"runs/bulk/{begun['id']}").json()
    refused = api.get(f"runs/bulk/{begun['id']}?status=failed").json()["results"]

    assert (ended["done"], ended["failed"]) == (1, 2)
    assert {one["problem"]["code"] for one in refused} == {"illegal_state", "not_found"}


def test_results_are_paged(api, runs):
    begun = api.post("runs/bulk", {"action": "pause", "filter": {"state": "open"}}).json()

    first = api.get(f"runs/bulk/{begun['id']}?limit=2").json()
    second = api.get(f"runs/bulk/{begun['id']}?limit=2&cursor={first['next']}").json()

    assert (len(first["results"]), len(second["results"]), second["next"]) == (2, 1, None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"action": "pause"}, "/filter"),
        ({"action": "pause", "filter": {}}, "/filter"),
        ({"action": "pause", "filter": {"state": "lost"}}, "/filter/state"),
        ({"action": "pause", "filter": {"cost": "much"}}, "/filter/cost"),
        ({"action": "cancel", "filter": {"state": "open"}}, "/reason"),
        ({"action": "pause", "filter": {"state": "open"}, "rollback": True}, "/rollback"),
        ({"action": "explode", "filter": {"state": "open"}}, "/action"),
        ({"action": "pause", "filter": {"color": "red"}}, "/filter/color"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_done(api, runs, body, pointer):
    found = assert_problem(api.post("runs/bulk", body), 422)

    assert pointer in [one["pointer"] for one in found["problems"]]
    assert not RunEvent.objects.filter(type="run.paused").exists()


def test_cancels_with_a_reason(api, runs):
    api.post(
        "runs/bulk", {"action": "cancel", "ids": [runs[0]["id"]], "reason": "wrong price list"}
    )
    bulk_work(seconds=20)

    event = RunEvent.objects.filter(run=runs[0]["id"], type="state.changed").first()
    assert event.why.startswith("wrong price list · bulk operation ")


def test_only_operators_of_the_workspace_steer(api, runs, viewer, stranger):
    begun = api.post("runs/bulk", {"action": "pause", "filter": {"state": "open"}}).json()
    body = {"action": "pause", "filter": {"state": "open"}}

    assert_problem(viewer.post("runs/bulk", body), 403)
    assert_problem(stranger.post("runs/bulk", body), 404, "no_runs")
    assert_problem(stranger.get(f"runs/bulk/{begun['id']}"), 404)
    assert_problem(viewer.post(f"runs/bulk/{begun['id']}/stop", {}), 403)
    assert viewer.get("runs/bulk").json()["items"][0]["id"] == begun["id"]


def test_stop_leaves_the_rest_and_a_second_stop_is_refused(api, runs):
    begun = api.post("runs/bulk", {"action": "pause", "filter": {"state": "open"}}).json()

    stopped = api.post(f"runs/bulk/{begun['id']}/stop", {"reason": "wrong runs"}).json()
    again = api.post(f"runs/bulk/{begun['id']}/stop", {})

    assert (stopped["state"], stopped["left"]) == ("stopped", 3)
    assert assert_problem(again, 409, "illegal_state")["allowed"] == []
    assert not RunEvent.objects.filter(type="run.paused").exists()


def test_export_gives_a_line_for_each_run_and_is_recorded(api, runs, stranger):
    lines = api.get("runs/export?q=workflow:double").content.decode().splitlines()
    table = api.get("runs/export?q=state:open&format=csv").content.decode().splitlines()
    theirs = stranger.get("runs/export").content

    assert {json.loads(line)["id"] for line in lines} == {run["id"] for run in runs}
    assert table[0].startswith("number,id,workflow,")
    assert len(table) == 4
    assert theirs == b""
    assert AppEvent.objects.filter(type="runs.exported", actor="user:owner").count() == 2
    assert_problem(api.get("runs/export?q=color:red"), 422, "bad_filter")
