"""People, roles, tokens and sign-in links, through the services and through the API."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections

from tests.api.callers import ALL_SCOPES, Caller, caller_of
from workflows_app.errors import Conflict, Forbidden, Invalid, NotFound
from workflows_app.models import ApiToken, AppEvent, Member, SignInLink, User, Workspace
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.people import (
    Unauthenticated,
    member_change_propose,
    member_change_settle,
    member_put,
    person_create,
    sign_in_link_create,
    sign_in_link_use,
    token_check,
    token_create,
    token_revoke,
    workspace_create,
    workspace_default,
)


def test_a_new_person_without_named_roles_may_do_everything_but_administer(workspace):
    user = person_create(username="ada", workspace=workspace)

    principal = principal_of_user(user)

    assert principal.scopes == {"read", "run", "design", "decide"}
    assert principal.actor == "user:ada"


def test_naming_groups_replaces_them_and_leaves_the_roles(workspace):
    person_create(username="ada", workspace=workspace, roles=["viewer"], groups=["red", "blue"])

    person_create(username="ada", workspace=workspace, groups=["green"])

    member = Member.objects.get(user__username="ada")
    assert member.roles == ["viewer"]
    assert [group.name for group in member.groups.all()] == ["green"]


def test_each_change_of_a_member_leaves_one_event_and_a_repeat_none(workspace):
    for _ in range(2):
        person_create(username="ada", workspace=workspace, roles=["viewer"])
    person_create(username="ada", workspace=workspace, roles=["operator"])

    events = AppEvent.objects.filter(type="member.changed", object="user:ada").order_by("pk")

    assert [event.data["to"]["roles"] for event in events] == [["viewer"], ["operator"]]
    assert events[1].data["from"]["roles"] == ["viewer"]


@pytest.mark.parametrize("name", ["", "with space", "a/b", "x" * 151, "nul\x00"])
def test_an_impossible_name_is_refused_and_nobody_is_created(workspace, name):
    with pytest.raises(Invalid):
        person_create(username=name, workspace=workspace)

    assert not User.objects.exists()


def test_the_last_admin_stays(workspace, owner):
    with pytest.raises(Conflict) as caught:
        member_put(
            workspace=workspace, name="owner", roles=[], groups=[], active=True, actor="operator"
        )

    assert caught.value.code == "last_admin"
    assert Member.objects.get(user=owner).roles == ["admin"]


def test_a_change_in_the_browser_waits_for_a_second_admin(workspace, owner):
    person_create(username="second", workspace=workspace, roles=["admin"])
    first = principal_of_user(owner)
    second = principal_of_user(User.objects.get(username="second"))
    wanted = {"roles": ["viewer"], "groups": ["approvers"], "active": True}
    proposal = member_change_propose(workspace=workspace, name="ada", actor=first, **wanted)
    settle = {"workspace": workspace, "proposal_id": proposal["id"], "accept": True}

    with pytest.raises(Forbidden) as caught:
        member_change_settle(actor=first, **settle)
    member = member_change_settle(actor=second, **settle)

    assert caught.value.code == "four_eyes"
    assert member.user.username == "ada"
    with pytest.raises(NotFound):
        member_change_settle(actor=second, **settle)


def test_a_token_is_kept_only_as_its_hash_and_gives_its_person(workspace, owner):
    plain = token_create(workspace=workspace, scopes=["read"], actor="operator", user=owner)

    principal = token_check(plain)

    assert plain.startswith("cs_")
    assert principal.user == owner
    assert principal.scopes == {"read"}
    stored = ApiToken.objects.get()
    assert plain not in repr(stored.__dict__)
    assert stored.last_used_at is not None
    event = AppEvent.objects.get(type="token.created")
    assert plain not in repr(event.data)


def test_a_token_never_reaches_further_than_its_person(workspace):
    user = person_create(username="vera", workspace=workspace, roles=["viewer"])
    plain = token_create(workspace=workspace, scopes=ALL_SCOPES, actor="operator", user=user)

    assert token_check(plain).scopes == {"read", "decide"}


def test_a_service_never_decides(workspace):
    with pytest.raises(Invalid):
        token_create(
            workspace=workspace, scopes=["read", "decide"], actor="operator", service="nightly"
        )

    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("how", ["unknown", "expired", "revoked", "inactive member", "empty"])
def test_a_token_that_does_not_count_is_refused(workspace, owner, how):
    life = timedelta(seconds=-1) if how == "expired" else None
    user = person_create(username="ada", workspace=workspace)
    plain = token_create(
        workspace=workspace, scopes=["read"], actor="operator", user=user, life=life
    )
    if how == "revoked":
        token_revoke(token=ApiToken.objects.get(), actor="user:owner")
    if how == "inactive member":
        Member.objects.filter(user=user).update(is_active=False)
    plain = {"unknown": "cs_nothing", "empty": ""}.get(how, plain)

    with pytest.raises(Unauthenticated):
        token_check(plain)


def test_a_sign_in_link_works_once(workspace, owner):
    token = sign_in_link_create(user=owner)

    assert sign_in_link_use(token) == owner
    with pytest.raises(NotFound):
        sign_in_link_use(token)

    types = list(AppEvent.objects.filter(type__startswith="sign_in").values_list("type", flat=True))
    assert sorted(types) == ["sign_in.link_created", "sign_in.succeeded"]
    assert token not in SignInLink.objects.get().digest


def test_a_sign_in_link_ends_after_its_time(workspace, owner):
    token = sign_in_link_create(user=owner)
    SignInLink.objects.update(expires_at="2026-01-01T00:00:00Z")

    with pytest.raises(NotFound):
        sign_in_link_use(token)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_one_gets_in():
    user = person_create(username="ada", workspace=workspace_default())
    token = sign_in_link_create(user=user)
    start, outcomes = Barrier(2), []

    def use() -> None:
        try:
            start.wait()
            outcomes.append(sign_in_link_use(token).username)
        except NotFound as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["ada", "link_used_up"]


def test_put_creates_then_replaces_a_member(api: Caller):
    body = {"roles": ["viewer"], "groups": ["approvers"], "active": True}

    first = api.put("members/ada", body)
    second = api.put("members/ada", {"roles": ["operator"]})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == {"name": "ada", **body}
    assert second.json() == {"name": "ada", "roles": ["operator"], "groups": [], "active": True}


def test_a_member_changed_in_the_browser_waits_for_another_admin(api: Caller, owner: User):
    browser = Caller()
    browser.client.force_login(owner)
    person_create(username="second", roles=["admin"])
    second = caller_of(workspace_default(), "second")

    proposed = browser.put("members/ada", {"roles": ["viewer"]})
    change = f"member-changes/{proposed.json()['id']}"
    alone = browser.post(change, {"accept": True})
    accepted = second.post(change, {"accept": True})
    again = second.post(change, {"accept": False})

    assert (proposed.status_code, alone.status_code) == (202, 403)
    assert (accepted.status_code, again.status_code) == (200, 404)
    assert Member.objects.get(user__username="ada").roles == ["viewer"]


def test_only_an_admin_changes_members(workspace: Workspace, viewer: Caller, service: Caller):
    operator = caller_of(workspace, "otto", roles=("operator",))

    answers = [caller.put("members/ada", {}) for caller in (viewer, service, operator)]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert not User.objects.filter(username="ada").exists()


def test_members_of_another_workspace_are_out_of_reach(api: Caller, stranger: Caller):
    api.put("members/ada", {})

    listed = stranger.get("members").json()["items"]
    named = stranger.get("members?workspace=default")

    assert [item["name"] for item in listed] == ["stranger"]
    assert named.status_code == 404


def test_a_person_of_two_workspaces_keeps_two_sets_of_roles(workspace, elsewhere):
    user = person_create(username="ada", workspace=workspace, roles=["admin"])
    person_create(username="ada", workspace=elsewhere, roles=["viewer"])

    principal = principal_of_user(user)

    assert principal.can("admin", workspace.pk)
    assert not principal.can("admin", elsewhere.pk)
    assert principal.home == workspace


@pytest.mark.django_db
def test_creating_a_workspace_twice_gives_the_same():
    first, was_new = workspace_create(name="North Side")
    second, is_new = workspace_create(name="North Side")

    assert (first.pk, was_new, is_new) == (second.pk, True, False)
    assert first.slug == "north-side"
