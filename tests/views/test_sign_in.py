"""Signing in: by password, by a one-time link; and the choice of colours."""

import pytest

from tests.views import factories
from workflows_app.models import AppEvent
from workflows_app.services.people import sign_in_link_create


def test_password_leads_to_the_page_that_was_asked_for(client, owner):
    data = {"username": "mira", "password": "long enough to guess", "next": "/runs/"}

    response = client.post("/sign-in/", data)

    assert response.status_code == 302
    assert response["Location"] == "/runs/"
    assert AppEvent.objects.filter(type="sign_in.succeeded").count() == 1


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_sign_in_never_leads_elsewhere(client, owner, next_):
    data = {"username": "mira", "password": "long enough to guess", "next": next_}

    response = client.post("/sign-in/", data)

    assert response["Location"] == "/"


def test_wrong_password_is_refused_and_recorded(client, owner):
    response = client.post("/sign-in/", {"username": "mira", "password": "wrong"})

    assert response.status_code == 422
    assert "_auth_user_id" not in client.session
    assert AppEvent.objects.get(type="sign_in.failed").object == "user:mira"


def test_too_many_wrong_passwords_close_the_door(client, owner):
    for _ in range(10):
        client.post("/sign-in/", {"username": "mira", "password": "wrong"})

    response = client.post("/sign-in/", {"username": "mira", "password": "long enough to guess"})

    assert response.status_code == 422
    assert "_auth_user_id" not in client.session


def test_looking_at_a_link_uses_nothing_up_and_its_button_works_once(client, owner):
    url = f"/sign-in/{sign_in_link_create(user=owner)}/"

    looks = [client.get(url) for _ in range(2)]
    first = client.post(url)
    client.logout()
    second = client.post(url)

    assert [look.status_code for look in looks] == [200, 200]
    assert first.status_code == 302
    assert second.status_code == 404
    assert "_auth_user_id" not in client.session


def test_unknown_link_says_so(client, db):
    response = client.get("/sign-in/nothing/")

    assert response.status_code == 404
    assert "no longer works" in response.content.decode()


def test_sign_in_needs_a_csrf_token(owner):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)

    response = strict.post("/sign-in/", {"username": "mira", "password": "long enough to guess"})

    assert response.status_code == 403


def test_theme_is_kept_for_the_person(client, owner):
    client.force_login(owner)

    response = client.post("/me/theme/", {"theme": "dark", "next": "/runs/"})

    owner.refresh_from_db()
    assert response["Location"] == "/runs/"
    assert owner.preferences["theme"] == "dark"
    assert 'data-theme="dark"' in client.get("/runs/").content.decode()


def test_preferences_are_saved_and_checked(client, owner):
    client.force_login(owner)

    good = client.post("/me/", {"density": "compact", "shortcuts": "off", "undo_seconds": "20"})
    bad = client.post("/me/", {"undo_seconds": "900"})

    owner.refresh_from_db()
    assert (good.status_code, bad.status_code) == (302, 422)
    assert owner.preferences["undo_seconds"] == 20
    assert 'data-shortcuts="off"' in client.get("/").content.decode()


def test_sign_out_is_a_post(client, owner):
    client.force_login(owner)

    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_stranger_to_every_workspace_can_still_look_home(client, db):
    lost = factories.user_make("lost")
    client.force_login(lost)

    assert client.get("/").status_code == 200
