"""Members, tokens and secrets: an admin's pages, each change recorded, no secret shown."""

import json

import pytest

from tests.views import factories
from workflows_app.agents.models import Secret, Tool, ToolVersion
from workflows_app.models import ApiToken, AppEvent, Group, Member
from workflows_app.services.members import member_put
from workflows_app.services.tokens import Unauthenticated, token_check

ROLES = ("viewer", "operator", "designer", "reviewer", "admin")
PAGES = (
    "/settings/members/",
    "/settings/roles/",
    "/settings/tokens/",
    "/settings/secrets/",
    "/settings/models/",
    "/settings/notifications/",
)


@pytest.fixture
def admin(workspace):
    return factories.user_make("ada", workspace, ROLES)


@pytest.fixture
def second(workspace):
    return factories.user_make("ben", workspace, ROLES)


def types():
    return list(AppEvent.objects.order_by("pk").values_list("type", "object", "actor"))


@pytest.mark.parametrize("url", PAGES)
def test_only_admins_open_the_settings(client, admin, owner, url):
    assert client.get(url).status_code == 302
    client.force_login(owner)
    assert client.get(url).status_code == 403
    client.force_login(admin)
    assert client.get(url).status_code == 200


def test_the_settings_of_another_workspace_are_not_there(client, admin):
    factories.workspace_make("elsewhere")
    client.force_login(admin)

    assert [client.get(f"{url}?workspace=elsewhere").status_code for url in PAGES] == [404] * len(
        PAGES
    )


def test_settings_lead_each_person_to_what_they_have(client, admin, owner):
    client.force_login(owner)
    assert client.get("/settings/").url == "/me/"
    client.force_login(admin)
    assert client.get("/settings/").url == "/settings/members/"


CHANGE = {"name": "cleo", "roles": ["viewer", "reviewer"], "groups": "finance, risk", "active": "1"}


def test_a_change_of_a_member_waits_for_a_second_admin(client, admin, second):
    client.force_login(admin)

    assert client.post("/settings/members/", CHANGE).status_code == 302
    assert not Member.objects.filter(user__username="cleo").exists()
    admin.refresh_from_db()
    (proposal,) = Member.objects.get(user=admin).workspace.settings["member_changes"]
    address = f"/settings/members/changes/{proposal['id']}/"
    assert client.post(address, {"answer": "accept"}).status_code == 403

    client.force_login(second)
    assert client.post(address, {"answer": "accept"}).status_code == 302
    member = Member.objects.get(user__username="cleo")
    assert (member.roles, member.is_active) == (["viewer", "reviewer"], True)
    assert sorted(group.name for group in member.groups.all()) == ["finance", "risk"]
    assert types() == [
        ("member.change_proposed", "user:cleo", "user:ada"),
        ("member.changed", "user:cleo", "user:ben"),
    ]


def test_a_proposal_can_be_dropped_by_whoever_made_it(client, admin):
    client.force_login(admin)
    client.post("/settings/members/", CHANGE)
    (proposal,) = Member.objects.get(user=admin).workspace.settings["member_changes"]

    client.post(f"/settings/members/changes/{proposal['id']}/", {"answer": "drop"})

    assert [one for one, _, _ in types()] == ["member.change_proposed", "member.change_dropped"]
    assert not Member.objects.filter(user__username="cleo").exists()


@pytest.mark.parametrize(
    "change", [{"name": "not a name"}, {"roles": ["emperor"]}, {"groups": "fin/ance"}, {"name": ""}]
)
def test_a_change_that_cannot_be_is_told_and_kept_in_the_form(client, admin, change):
    client.force_login(admin)

    answer = client.post("/settings/members/", {**CHANGE, **change})

    assert answer.status_code == 422
    assert "Nothing was changed" in answer.content.decode()
    assert types() == []


def test_an_empty_group_is_marked(client, admin, workspace):
    Group.objects.create(workspace=workspace, name="night-shift")
    client.force_login(admin)

    body = client.get("/settings/members/").content.decode()

    assert "group:night-shift" in body
    assert "nobody" in body


def test_a_token_is_shown_once_and_works_until_it_is_revoked(client, admin):
    client.force_login(admin)

    made = client.post("/settings/tokens/", {"owner": "me", "scopes": ["read", "run"], "days": "7"})

    assert made.status_code == 201
    plain = made.content.decode().split('id="new-token">')[1].split("<")[0]
    assert token_check(plain).actor == "user:ada"
    assert "no-store" in made.headers["Cache-Control"]
    assert plain not in client.get("/settings/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert (token.scopes, token.user, bool(token.expires_at)) == (["read", "run"], admin, True)

    client.post(f"/settings/tokens/{token.pk}/end/", {"reason": "laptop lost"})
    with pytest.raises(Unauthenticated):
        token_check(plain)
    assert types() == [
        ("token.created", "user:ada", "user:ada"),
        ("token.revoked", "user:ada", "user:ada"),
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"owner": "service", "service": "nightly", "scopes": ["read", "decide"]},
        {"owner": "service", "service": "", "scopes": ["read"]},
        {"owner": "me", "scopes": []},
        {"owner": "ben", "scopes": ["read"]},
        {"owner": "me", "scopes": ["read"], "days": "0"},
    ],
)
def test_a_token_that_may_not_be_is_not_made(client, admin, second, given):
    client.force_login(admin)

    answer = client.post("/settings/tokens/", given)

    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_of_another_workspace_cannot_be_ended(client, admin, stranger):
    other = ApiToken.objects.create(
        workspace=stranger.memberships.get().workspace,
        user=stranger,
        scopes=["read"],
        digest="x",
        hint="cs_x",
    )
    client.force_login(admin)

    assert client.post(f"/settings/tokens/{other.pk}/end/").status_code == 404
    assert ApiToken.objects.get(pk=other.pk).revoked_at is None


def test_a_secret_is_kept_replaced_and_never_shown(client, admin, workspace):
    tool = Tool.objects.create(workspace=workspace, name="crm.push", number=1)
    headers = {"Authorization": "Bearer {{secret:CRM}}", "X": "{{ secret:GONE }}"}
    ToolVersion.objects.create(tool=tool, number=1, spec={"headers": headers}, digest="d")
    client.force_login(admin)

    for value in ("hunter-one", "hunter-two"):
        assert client.post("/settings/secrets/", {"name": "CRM", "value": value}).status_code == 302
    body = client.get("/settings/secrets/").content.decode()

    assert "hunter" not in body
    assert "tool crm.push" in body
    assert "not set: calls fail" in body
    secret = Secret.objects.get()
    assert (secret.name, secret.set_by) == ("CRM", admin)
    assert types() == [("secret.set", "secret:CRM", "user:ada")] * 2
    assert "hunter" not in json.dumps(list(AppEvent.objects.values("data", "why")))


def test_a_refused_secret_is_not_repeated_on_the_page(client, admin):
    client.force_login(admin)

    answer = client.post("/settings/secrets/", {"name": "bad name", "value": "hunter-three"})

    assert answer.status_code == 422
    assert "hunter" not in answer.content.decode()
    assert not Secret.objects.exists()


def test_who_loses_the_role_loses_the_pages(client, admin, second, workspace):
    client.force_login(admin)
    member_put(
        workspace=workspace, name="ada", roles=["viewer"], groups=[], active=True, actor="operator"
    )

    assert [client.get(url).status_code for url in PAGES] == [403] * len(PAGES)
