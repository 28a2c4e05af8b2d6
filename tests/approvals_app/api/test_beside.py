"""Comments, snoozes, claims and cover by token."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.models import Comment, Cover, SeenMark, Snooze
from tests.approvals_app import factories
from tests.approvals_app.api.test_approvals import Caller
from workflows_app.models import AppEvent, RunEvent

pytestmark = pytest.mark.django_db


class Everywhere(Caller):
    """A caller of paths beside `/approvals` too."""

    def call(self, path, body=None):
        return self.client.post(
            f"/api/v1/{path}", body or {}, content_type="application/json", headers=self.headers
        )

    def list(self, path):
        return self.client.get(f"/api/v1/{path}", headers=self.headers)


@pytest.fixture
def anna(people, client):
    return Everywhere(client, people["anna"])


@pytest.fixture
def dates():
    now = timezone.now()
    return {
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(days=3)).isoformat(),
    }


def test_comments_are_kept_and_listed_newest_first(anna):
    request = factories.request_for()

    first = anna.post(f"/{request.pk}/comments", {"text": "Is this right?"})
    anna.post(f"/{request.pk}/comments", {"text": "It is."})

    assert first.status_code == 201
    assert first.json()["by"] == "user:anna"
    shown = anna.get(f"/{request.pk}/comments", limit=1).json()
    assert [item["text"] for item in shown["items"]] == ["It is."]
    rest = anna.get(f"/{request.pk}/comments", cursor=shown["next"]).json()
    assert [item["text"] for item in rest["items"]] == ["Is this right?"]
    assert RunEvent.objects.filter(type="approval.commented").count() == 2


@pytest.mark.parametrize("body", [{"text": ""}, {"text": "  "}, {}, {"text": "a", "by": "ben"}])
def test_an_empty_or_unknown_comment_is_invalid(anna, body):
    request = factories.request_for()

    assert anna.post(f"/{request.pk}/comments", body).status_code == 422
    assert not Comment.objects.exists()


def test_a_snooze_ends_before_the_deadline(anna, people):
    request = factories.request_for(deadline="2h")

    answer = anna.post(f"/{request.pk}/snooze", {"minutes": 30})

    assert answer.status_code == 200
    snooze = Snooze.objects.get()
    assert snooze.person == people["anna"]
    assert answer.json()["until"] == snooze.until.isoformat().replace("+00:00", "Z")
    assert anna.post(f"/{request.pk}/snooze", {"minutes": 500}).status_code == 422


def test_a_claim_tells_who_else_looks(anna, people, client):
    request = factories.request_for()
    anna.post(f"/{request.pk}/claim")

    answer = Everywhere(client, people["ben"]).post(f"/{request.pk}/claim").json()

    assert answer["others"] == ["user:anna"]
    assert SeenMark.objects.count() == 2


def test_strangers_and_services_do_none_of_it(people, client):
    request = factories.request_for()
    other = factories.workspace("other")
    stranger = Everywhere(client, factories.person("otto", space=other), space=other)
    service = Everywhere(client, service="bot", scopes=["read", "run", "admin"])

    for path, body in (("comments", {"text": "x"}), ("snooze", {"minutes": 5}), ("claim", {})):
        assert stranger.post(f"/{request.pk}/{path}", body).status_code == 404
        assert service.post(f"/{request.pk}/{path}", body).status_code == 403
    assert [model.objects.count() for model in (Comment, Snooze, SeenMark)] == [0, 0, 0]


def test_a_cover_of_ones_own_is_set_listed_and_called_off(anna, dates):
    made = anna.call("covers", {"delegate": "user:ben", **dates})

    assert made.status_code == 201
    assert (made.json()["person"], made.json()["delegate"]) == ("user:anna", "user:ben")
    assert [item["id"] for item in anna.list("covers").json()["items"]] == [made.json()["id"]]
    ended = anna.call(f"covers/{made.json()['id']}/end")
    assert ended.json()["ended_at"]
    assert anna.list("covers").json()["items"] == []
    assert anna.call(f"covers/{made.json()['id']}/end").status_code == 409
    types = list(AppEvent.objects.filter(type__startswith="cover").values_list("type", flat=True))
    assert types == ["cover.created", "cover.ended"]


def test_cover_for_others_wants_the_scope_not_only_the_role(people, client, dates):
    admin = factories.person("ada", roles=["admin"])
    body = {"person": "anna", "delegate": "ben", **dates}

    assert Everywhere(client, people["ben"]).call("covers", body).status_code == 403
    assert Everywhere(client, admin, scopes=["decide"]).call("covers", body).status_code == 403
    assert not Cover.objects.exists()
    able = Everywhere(client, admin, scopes=["decide", "admin"])
    made = able.call("covers", body).json()
    assert made["person"] == "user:anna"
    end = f"covers/{made['id']}/end"
    assert Everywhere(client, admin, scopes=["decide"]).call(end).status_code == 403
    assert able.call(end).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"delegate": "anna"},
        {"delegate": "nobody"},
        {"workflow": "none-such"},
        {"ends_at": "2020-01-01T00:00:00Z"},
        {"starts_at": "2026-01-01T00:00:00"},
        {"forever": True},
    ],
)
def test_a_cover_that_makes_no_sense_is_invalid(anna, dates, wrong):
    answer = anna.call("covers", {"delegate": "ben", **dates, **wrong})

    assert answer.status_code == 422
    assert not Cover.objects.exists()
