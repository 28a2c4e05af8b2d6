"""The audit log as pages."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.evidence.rows import app_event_make, event_make, events_make
from workflows_app.evidence.models import Chain
from workflows_app.models import AppEvent


@pytest.fixture
def reader(viewer):
    client = Client()
    client.force_login(viewer)
    return client


def test_a_visitor_signs_in_first(db):
    for name in ("evidence:audit", "evidence:verify", "evidence:export"):
        assert Client().get(reverse(name)).status_code in (302, 405)
    assert Client().get(reverse("evidence:record", args=[1])).status_code == 302


def test_the_log_shows_who_did_what_to_what_and_why(reader, run):
    event_make(run, 1, "run.ended", actor="user:mira", why="<b>done</b>", to_state="failed")

    page = reader.get(reverse("evidence:audit")).content.decode()

    assert "user:mira" in page
    assert f"RUN-{run.number}" in page
    assert "&lt;b&gt;done&lt;/b&gt;" in page
    assert "1 records are sealed" in page or "1 record" in page


def test_the_list_goes_on_and_keeps_its_filters(reader, run):
    events_make(run, 60)

    first = reader.get(reverse("evidence:audit"), {"actor": "engine"})
    assert first.context["following"] == "actor=engine&before=11"
    second = reader.get(f"{reverse('evidence:audit')}?{first.context['following']}")

    assert [record["position"] for record in second.context["records"]] == list(range(10, 0, -1))
    assert second.context["following"] is None


def test_a_filter_that_cannot_be_read_is_said_so(reader, run):
    response = reader.get(reverse("evidence:audit"), {"since": "yesterday"})

    assert response.status_code == 422
    assert response.context["form"].errors["since"]


def test_a_record_shows_its_hashes_and_that_it_is_intact(reader, run, tamper):
    events_make(run, 2)
    reader.get(reverse("evidence:audit"))

    page = reader.get(reverse("evidence:record", args=[2]))
    assert page.context["is_intact"]
    assert page.context["record"]["hash"] in page.content.decode()

    tamper("UPDATE workflows_app_runevent SET why = 'no' WHERE sequence = 2")
    assert not reader.get(reverse("evidence:record", args=[2])).context["is_intact"]

    tamper("DELETE FROM workflows_app_runevent WHERE sequence = 2")
    assert b"This record is gone" in reader.get(reverse("evidence:record", args=[2])).content


def test_a_record_that_never_was_is_not_found(reader, run):
    assert reader.get(reverse("evidence:record", args=[99])).status_code == 404


def test_verify_shows_the_first_bad_record(reader, run, tamper):
    events_make(run, 3)
    assert reader.post(reverse("evidence:verify")).status_code == 302
    assert Chain.objects.get().verified_position == 3

    tamper("UPDATE workflows_app_runevent SET why = 'no' WHERE sequence = 2")
    fragment = reader.post(reverse("evidence:verify"), headers={"HX-Request": "true"})

    assert "The chain is broken at" in fragment.content.decode()
    assert "<html" not in fragment.content.decode()


def test_a_get_does_not_verify_or_export(reader, run):
    for name in ("evidence:verify", "evidence:export"):
        assert reader.get(reverse(name)).status_code == 405


def test_an_export_is_recorded(reader, workspace):
    app_event_make(workspace)

    response = reader.post(reverse("evidence:export"), {"format": "csv"})

    assert b"member.changed" in b"".join(response.streaming_content)
    assert AppEvent.objects.get(type="audit.exported").actor == "user:vera"


def test_the_back_office_shows_the_record_and_changes_nothing(run, workspace, admin_client):
    events_make(run, 2)
    event = app_event_make(workspace)

    for model in ("workflows_app_runevent", "workflows_app_appevent", "evidence_seal"):
        page = admin_client.get(reverse(f"admin:{model}_changelist"))
        assert page.status_code == 200
        assert admin_client.get(reverse(f"admin:{model}_add")).status_code == 403
    change = reverse("admin:workflows_app_appevent_change", args=[event.pk])
    assert admin_client.get(change).status_code == 200
    assert admin_client.post(change, {"why": "no"}).status_code == 403
    delete = reverse("admin:workflows_app_appevent_delete", args=[event.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
