import pytest

from tests.api.callers import assert_problem
from tests.api.conftest import api, elsewhere, owner, stranger, viewer, workspace  # noqa: F401
from workflows_app.models import AppEvent

pytestmark = pytest.mark.django_db
TOOL = {"url": "https://example.com/pay", "effect": "reversible", "timeout": "30s"}


def test_a_tool_is_created_and_replaced(api):  # noqa: F811
    created = api.put("tools/payments.refund", TOOL)
    replaced = api.put("tools/payments.refund", {**TOOL, "effect": "none"})

    assert (created.status_code, replaced.status_code) == (201, 200)
    shown = replaced.json()
    assert (shown["name"], shown["version"], shown["effect"]) == ("payments.refund", "2", "none")
    assert (shown["timeout"], shown["method"], shown["enabled"]) == ("30s", "POST", True)


def test_tools_are_listed_by_name_page_by_page(api):  # noqa: F811
    for name in ("aaa.first", "aaa.second"):
        api.put(f"tools/{name}", TOOL)

    first = api.get("tools?limit=1").json()
    second = api.get(f"tools?limit=1&cursor={first['next']}").json()

    assert first["items"][0]["name"] == "aaa.first"
    assert second["items"][0]["name"] == "aaa.second"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({**TOOL, "more": 1}, "/more"),
        ({**TOOL, "effect": "some"}, "/effect"),
        ({**TOOL, "url": "ftp://example.com"}, "/url"),
        ({**TOOL, "timeout": "soon"}, "/timeout"),
    ],
)
def test_a_bad_tool_is_refused_with_the_place(api, body, pointer):  # noqa: F811
    problem = assert_problem(api.put("tools/pay", body), 422)

    assert problem["problems"][0]["pointer"] == pointer
    assert not AppEvent.objects.filter(object="tool:pay").exists()


def test_a_secret_is_set_and_never_shown(api):  # noqa: F811
    created = api.put("secrets/pay_key", {"value": "s3cr3t-value"})
    again = api.put("secrets/pay_key", {"value": "s3cr3t-other"})

    assert (created.status_code, again.status_code) == (201, 200)
    assert created.json() == {"name": "pay_key"}
    assert api.get("secrets/pay_key").status_code == 405


@pytest.mark.parametrize("path", ["tools/pay", "secrets/key"])
def test_only_an_admin_changes_them(viewer, path):  # noqa: F811
    body = TOOL if path.startswith("tools") else {"value": "s3cr3t-value"}

    assert_problem(viewer.put(path, body), 403, "scope_missing")


def test_another_workspace_has_its_own(api, stranger):  # noqa: F811
    api.put("tools/aaa.mine", TOOL)

    names = [item["name"] for item in stranger.get("tools").json()["items"]]
    assert "aaa.mine" not in names
