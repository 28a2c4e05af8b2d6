"""The audit log over the API and as pages: who reads what, and how it leaves the house."""

import asyncio
import csv
import io
import json
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from django.test import Client

from tests.evidence.rows import (
    NOW,
    app_event_make,
    event_make,
    events_make,
    run_make,
    stranger_make,
    version_make,
)
from workflows_app.evidence.models import Seal
from workflows_app.evidence.services.verify_file import export_verify
from workflows_app.models import ApiToken, AppEvent, Workspace
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.tokens import token_create

API = "/api/v1/audit"
XES = "{http://www.xes-standard.org/}"


@pytest.fixture
def reader(viewer):
    client = Client()
    client.force_login(viewer)
    return client


@pytest.fixture
def stranger(workspace):
    client = Client()
    client.force_login(stranger_make()[0])
    return client


@pytest.fixture
def history(workspace, run):
    event_make(run, 1, "run.queued", actor="user:vera", to_state="queued")
    event_make(run, 2, "step.ended", path="draft", generation=0, data={"port": "done"})
    event_make(run, 3, "approval.decided", path="issue", actor="user:mira", why="=fine")
    app_event_make(workspace, at=NOW + timedelta(hours=1))
    return run


def get(client, path, status=200, **query):
    response = client.get(f"{API}/{path}", query)
    assert response.status_code == status, response.content
    return response


def body(response):
    return b"".join(response.streaming_content)


def test_records_come_newest_first_with_their_hashes(reader, history):
    items = get(reader, "events").json()["items"]

    assert [item["position"] for item in items] == [4, 3, 2, 1]
    assert items[2]["type"] == "step.ended"
    assert items[2]["run"] == str(history.pk)
    assert items[2]["data"] == {"port": "done"}
    assert all(a["previous"] == b["hash"] for a, b in pairwise(items))


def test_pages_go_on_where_the_last_one_ended(reader, history):
    first = get(reader, "events", limit=3).json()
    second = get(reader, "events", limit=3, cursor=first["next"]).json()

    assert [item["position"] for item in second["items"]] == [1]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        ({"actor": "user:mira"}, [3]),
        ({"action": "approval.decided"}, [3]),
        ({"action": "approval."}, [3]),
        ({"action": "approval.*"}, [3]),
        ({"action": "approval"}, []),
        ({"object": "user:mira"}, [4]),
        ({"since": "2026-01-05T09:30:00Z"}, [4]),
        ({"until": "2026-01-05T09:00:02Z"}, [1]),
        ({"object": "RUN-0"}, []),
        ({"object": "APR-1"}, []),
    ],
)
def test_filters_narrow(reader, history, query, positions):
    items = get(reader, "events", **query).json()["items"]

    assert [item["position"] for item in items] == positions


def test_everything_about_a_run_is_found_by_its_number_or_id(reader, history):
    for name in (f"RUN-{history.number}", f"run:{history.pk}", str(history.pk)):
        items = get(reader, "events", object=name).json()["items"]
        assert [item["position"] for item in items] == [3, 2, 1]


def test_an_unknown_parameter_is_refused(reader, history):
    get(reader, "events", 422, colour="red")
    get(reader, "export", 422, format="pdf")


@pytest.mark.parametrize("path", ["events", "export", "verify"])
def test_nobody_unknown_reads_it(db, path):
    assert Client().get(f"{API}/{path}").status_code == 401


@pytest.mark.parametrize("path", ["events", "export", "verify"])
def test_another_workspace_is_not_there_for_a_stranger(stranger, workspace, history, path):
    get(stranger, path, 404, workspace=workspace.slug)


def test_a_stranger_sees_an_audit_log_of_their_own(stranger, history):
    assert get(stranger, "events").json() == {"items": [], "next": None}


def test_a_member_of_two_workspaces_names_the_one_that_is_meant(reader, viewer, history):
    from workflows_app.models import Member

    other = Workspace.objects.create(slug="second", name="Second")
    Member.objects.create(workspace=other, user=viewer, roles=["viewer"])
    events_make(run_make(version_make(other)), 2)

    assert len(get(reader, "events", workspace="second").json()["items"]) == 2
    assert len(get(reader, "events").json()["items"]) == 4


def test_a_token_needs_the_scope_read(viewer, workspace, history):
    who = principal_of_user(viewer)
    for scopes, status in ((["read"], 200), (["decide"], 403)):
        text = token_create(workspace=workspace, user=viewer, scopes=scopes, actor=who.actor)
        response = Client().get(f"{API}/verify", headers={"Authorization": f"Bearer {text}"})
        assert response.status_code == status
    assert ApiToken.objects.count() == 2


def test_verify_says_that_the_chain_holds(reader, history):
    verdict = get(reader, "verify").json()

    last = Seal.objects.order_by("position").last()
    assert verdict == {
        "valid": True,
        "checked": 4,
        "first_bad": None,
        "head": {"position": 4, "hash": bytes(last.hash).hex()},
    }


def test_verify_names_the_first_bad_position(reader, history, tamper):
    get(reader, "verify")
    tamper("UPDATE workflows_app_runevent SET why = 'other' WHERE sequence = 2")
    tamper("UPDATE workflows_app_runevent SET why = 'other' WHERE sequence = 3")

    verdict = get(reader, "verify").json()

    assert (verdict["valid"], verdict["checked"], verdict["first_bad"]) == (False, 1, 2)
    assert verdict["head"]["position"] == 4


def test_an_export_is_recorded_and_proves_itself(reader, history):
    response = get(reader, "export", format="jsonl")
    lines = body(response).splitlines(keepends=True)

    assert response["Content-Disposition"].startswith("attachment; filename=")
    assert [json.loads(line)["position"] for line in lines] == [1, 2, 3, 4]
    assert export_verify(lines).is_valid
    event = AppEvent.objects.get(type="audit.exported")
    assert (event.actor, event.data["format"]) == ("user:vera", "jsonl")
    assert response["X-Audit-Head"] == f"4 {event.data['head']['hash']}"
    assert get(reader, "events").json()["items"][0]["type"] == "audit.exported"


def test_an_export_as_a_table_holds_no_formula(reader, history):
    text = body(get(reader, "export", format="csv")).decode()

    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["position"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[2]["why"] == "'=fine"


def test_an_event_log_has_a_case_for_each_run(reader, version, history):
    second = run_make(version)
    event_make(second, 1, "run.queued")

    root = ElementTree.fromstring(body(get(reader, "export", format="xes")))

    cases = {
        trace.find(f"{XES}string").get("value"): [
            item.get("value")
            for event in trace.findall(f"{XES}event")
            for item in event
            if item.get("key") == "concept:name"
        ]
        for trace in root.findall(f"{XES}trace")
    }
    assert cases == {
        str(history.pk): ["run.queued", "step.ended draft:done", "approval.decided"],
        str(second.pk): ["run.queued"],
    }


@pytest.mark.parametrize("form", ["jsonl", "csv", "xes"])
def test_a_workspace_without_records_has_an_empty_export(stranger, workspace, form):
    assert b"run.queued" not in body(get(stranger, "export", format=form))


def test_an_export_streams_under_an_asynchronous_server(workspace, history):
    from workflows_app.evidence.services.export import audit_export
    from workflows_app.evidence.services.seal import seal_now

    seal_now()
    response = audit_export(workspace=workspace, form="jsonl", actor="user:vera")
    response._parts = iter([b"a", b"b"])  # lines that need no database

    async def read():
        return [part async for part in response]

    assert asyncio.run(read()) == [b"a", b"b"]


def test_an_export_is_read_in_chunks(reader, workspace, run, monkeypatch):
    monkeypatch.setattr("workflows_app.evidence.services.export.CHUNK", 4)
    events_make(run, 10)

    assert body(get(reader, "export", format="jsonl")).count(b"\n") == 10
    assert body(get(reader, "export", format="xes")).count(b"<event>") == 10
    assert body(get(reader, "export", format="csv")).count(b"\n") == 1 + 10 + 2  # two exports
