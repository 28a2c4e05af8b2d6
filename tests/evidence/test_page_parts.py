"""What the chain says on other pages: a warning for admins on each, the proof of one run."""

import pytest
from django.test import Client

from tests.evidence.rows import events_make
from workflows_app.evidence.page_parts import run_proof
from workflows_app.evidence.services.seal import seal_now
from workflows_app.evidence.services.verify import chain_verify
from workflows_app.models import Member, Run, User

CHANGE = "UPDATE workflows_app_runevent SET why = 'otherwise' WHERE sequence = 2"


@pytest.fixture
def told(run):
    """A run with four events, counted by its row."""
    events_make(run, 4)
    Run.objects.filter(pk=run.pk).update(sequence=4)
    run.refresh_from_db()
    return run


@pytest.fixture
def admin(workspace):
    user = User.objects.create(username="ada")
    Member.objects.create(workspace=workspace, user=user, roles=["viewer", "admin"])
    return user


def body(user, path):
    client = Client()
    client.force_login(user)
    return client.get(path).content.decode()


def test_a_broken_chain_is_on_every_page_of_admins_only(told, tamper, workspace, admin, viewer):
    seal_now()
    assert tamper(CHANGE) == 1
    assert "audit chain" not in body(admin, "/workflows/")
    chain_verify(workspace=workspace.pk)

    for path in ("/", "/workflows/", "/me/", "/settings/members/"):
        found = body(admin, path)
        assert "The audit chain of Main is broken at #2" in found
        assert "/audit/?workspace=main" in found
    assert "is broken at" not in body(viewer, "/workflows/")


def test_a_run_tells_how_far_its_record_is_proved(told, tamper, workspace):
    assert run_proof(told) is None
    seal_now()
    assert (run_proof(told).text, run_proof(told).family) == ("All sealed, to #4", "idle")
    chain_verify(workspace=workspace.pk)
    assert (run_proof(told).text, run_proof(told).family) == ("Chain verified to #4", "ok")

    events_make(told, 1, start=5)
    told.sequence = 5
    assert run_proof(told).text == "4 of 5 sealed"

    tamper(CHANGE)
    chain_verify(workspace=workspace.pk)
    assert (run_proof(told).text, run_proof(told).family) == ("Chain broken at #2", "fail")


def test_the_page_of_a_run_leads_to_its_records(told, workspace, viewer):
    seal_now()
    chain_verify(workspace=workspace.pk)

    found = body(viewer, f"/runs/RUN-{told.number}/")

    assert "Chain verified to #4" in found
    assert f"/audit/?object=RUN-{told.number}" in found
