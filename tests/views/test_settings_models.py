"""Models by role: what an admin sets holds, is recorded, and can be tried."""

import pytest

from tests.fake_anthropic import FakeAnthropic, error, text
from tests.views import factories
from workflows_app.agents.core.model_specs import DEFAULT_MODELS, model_roles
from workflows_app.models import AppEvent

ROLES = ("viewer", "operator", "designer", "reviewer", "admin")
URL = "/settings/models/"
SET = {
    "role": "small",
    "id": "model-9",
    "input_usd": "0.25",
    "output_usd": "1.5",
    "max_tokens": "900",
}


@pytest.fixture
def admin(client, workspace):
    made = factories.user_make("ada", workspace, ROLES)
    client.force_login(made)
    return made


@pytest.fixture
def model(settings):
    settings.ANTHROPIC_API_KEY = "key-for-tests"
    with FakeAnthropic() as server:
        settings.ANTHROPIC_BASE_URL = server.url
        yield server


def recorded():
    found = AppEvent.objects.filter(type__startswith="model.").order_by("pk")
    return list(found.values_list("type", "object", "actor"))


def test_a_role_means_what_is_set_until_it_is_reset(client, admin, workspace):
    assert client.post(URL, SET).status_code == 302
    workspace.refresh_from_db()
    spec = model_roles(workspace.settings)["small"]
    client.post(f"{URL}small/reset/")
    workspace.refresh_from_db()

    assert (spec.id, spec.input_usd, spec.output_usd, spec.max_tokens) == (
        "model-9", 0.25, 1.5, 900
    )  # fmt: skip
    assert spec.cost(2_000_000, 0) == 0.5  # no price of long prompts is left of the other model
    assert model_roles(workspace.settings)["small"].id == DEFAULT_MODELS["small"]["id"]
    assert recorded() == [
        ("model.set", "model:small", "user:ada"),
        ("model.reset", "model:small", "user:ada"),
    ]


def test_a_role_of_ones_own_is_added_and_taken_away(client, admin, workspace):
    client.post(URL, {**SET, "role": "cheap"})
    with_it = client.get(URL).content.decode()
    client.post(f"{URL}cheap/reset/")

    assert "model-9" in with_it
    assert "model-9" not in client.get(URL).content.decode().split("Set a role")[0]
    assert client.post(f"{URL}cheap/reset/").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"role": "Not one"}, {"id": "a b"}, {"input_usd": "-1"}, {"output_usd": "nan"}, {"id": ""}],
)
def test_what_cannot_be_is_told_and_kept_in_the_form(client, admin, workspace, wrong):
    answer = client.post(URL, {**SET, **wrong})

    workspace.refresh_from_db()
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.content.decode()
    assert (workspace.settings, recorded()) == ({}, [])


def test_a_test_call_asks_the_model_and_tells_what_it_cost(client, admin, model):
    model.reply(text("ok", input_tokens=10, output_tokens=2))

    said = client.post(f"{URL}small/try/", follow=True).content.decode()

    assert "small answers (10 + 2 tokens, $0.000002)" in said
    assert model.requests[0].body["model"] == DEFAULT_MODELS["small"]["id"]
    assert recorded() == [("model.tried", "model:small", "user:ada")]


def test_a_test_call_that_fails_says_why(client, admin, model):
    model.reply(error(401, "invalid x-api-key"))

    answer = client.post(f"{URL}small/try/")

    assert answer.status_code == 409
    assert "did not answer" in answer.content.decode()
    assert AppEvent.objects.get(type="model.tried").data["error"]


def test_without_a_key_the_page_says_so_and_nothing_is_called(client, admin, settings):
    settings.ANTHROPIC_API_KEY = ""

    body = client.get(URL).content.decode()
    answer = client.post(f"{URL}small/try/")

    assert "No key is set" in body
    assert "Test call" not in body
    assert (answer.status_code, recorded()) == (409, [])


def test_only_admins_change_models(client, owner):
    client.force_login(owner)

    posts = [client.post(URL, SET), client.post(f"{URL}small/try/")]

    assert [answer.status_code for answer in posts] == [403, 403]
    assert recorded() == []
