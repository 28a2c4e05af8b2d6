"""Roles, deleting a secret, and the addresses that are told of events."""

import pytest

from tests.views import factories
from workflows_app.agents.models import Secret, Tool, ToolVersion
from workflows_app.agents.services.secrets import secret_put
from workflows_app.models import AppEvent, WebhookSubscription

ROLES = ("viewer", "operator", "designer", "reviewer", "admin")
TOLD = {"name": "chat", "event": "approval.*", "url": "https://chat.example/hook"}


@pytest.fixture
def admin(client, workspace):
    made = factories.user_make("ada", workspace, ROLES)
    client.force_login(made)
    return made


@pytest.fixture
def used(workspace, admin):
    """A secret that a tool names."""
    secret_put(workspace=workspace, name="CRM", value="hunter2", actor="user:ada", user=admin)
    tool = Tool.objects.create(workspace=workspace, name="crm.find", number=1)
    headers = {"Authorization": "Bearer {{secret:CRM}}"}
    ToolVersion.objects.create(tool=tool, number=1, spec={"headers": headers}, digest="0" * 64)


def recorded(kind):
    return list(AppEvent.objects.filter(type=kind).values_list("object", "actor", "data"))


def test_the_matrix_says_who_may_do_what(client, admin, owner):
    response = client.get("/settings/roles/")

    matrix = {
        what: [role for role, has in row if has] for what, row in response.context["abilities"]
    }
    held = {role: count for role, _, count in response.context["roles"]}
    assert matrix["Set tools, secrets, models, tokens and members"] == ["admin"]
    assert matrix["Save and publish workflows, evaluate them"] == ["designer", "admin"]
    assert matrix["Answer requests that name them or their group"] == list(ROLES)
    assert held == {"viewer": 2, "operator": 2, "designer": 2, "reviewer": 1, "admin": 1}


def test_a_preset_leads_to_a_proposal_with_its_roles(client, admin):
    url = client.get("/settings/roles/").context["presets"][1][3]

    body = client.get(url).content.decode()

    assert 'value="reviewer" checked' in body
    assert 'value="admin" checked' not in body


def test_a_secret_that_nothing_names_is_deleted_and_that_is_recorded(client, admin, workspace):
    secret_put(workspace=workspace, name="OLD", value="x", actor="user:ada")

    answer = client.post("/settings/secrets/OLD/delete/")

    assert answer.status_code == 302
    assert not Secret.objects.exists()
    assert recorded("secret.deleted") == [("secret:OLD", "user:ada", {"used_by": []})]
    assert client.post("/settings/secrets/OLD/delete/").status_code == 404


@pytest.mark.parametrize("said", ["", "crm"])
def test_a_secret_in_use_is_deleted_only_by_its_name(client, admin, used, said):
    before = client.get("/settings/secrets/").content.decode()

    answer = client.post("/settings/secrets/CRM/delete/", {"confirm": said})

    assert "Used by tool crm.find" in before
    assert answer.status_code == 422
    assert "CRM is used by tool crm.find" in answer.content.decode()
    assert Secret.objects.count() == 1
    assert recorded("secret.deleted") == []


def test_whoever_writes_the_name_is_told_what_fails_from_now_on(client, admin, used):
    body = client.post("/settings/secrets/CRM/delete/", {"confirm": "CRM"}, follow=True)

    assert "calls of tool crm.find fail" in body.content.decode()
    assert "not set: calls fail" in body.content.decode()
    assert recorded("secret.deleted") == [
        ("secret:CRM", "user:ada", {"used_by": ["tool crm.find"]})
    ]


def test_only_admins_delete_secrets(client, used, owner):
    client.force_login(owner)

    assert client.post("/settings/secrets/CRM/delete/", {"confirm": "CRM"}).status_code == 403
    assert Secret.objects.count() == 1


def test_an_address_is_set_with_a_secret_shown_once_and_stopped(client, admin):
    made = client.post("/settings/notifications/", TOLD)
    again = client.post("/settings/notifications/", {**TOLD, "event": "approval.decided"})
    stopped = [client.post("/settings/notifications/chat/stop/") for _ in range(2)]

    found = WebhookSubscription.objects.get()
    assert (made.status_code, again.status_code) == (201, 302)
    assert "It is shown this once." in made.content.decode()
    assert [answer.status_code for answer in stopped] == [302, 302]
    assert (found.event, found.is_active) == ("approval.decided", False)
    assert [one for one, _, _ in recorded("subscription.stopped")] == ["subscription:chat"]
    assert "Stopped" in client.get("/settings/notifications/").content.decode()


def test_an_address_that_is_none_is_told_and_kept_in_the_form(client, admin):
    answer = client.post("/settings/notifications/", {**TOLD, "url": "ftp://chat.example"})

    assert answer.status_code == 422
    assert "ftp://chat.example" in answer.content.decode()
    assert not WebhookSubscription.objects.exists()


def test_without_a_mail_server_the_page_says_where_mail_goes(client, admin, settings):
    settings.EMAIL_SERVER = ""

    assert "printed to the worker" in client.get("/settings/notifications/").content.decode()
