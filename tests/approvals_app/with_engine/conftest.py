import pytest
from django.db import transaction

from tests.agents.http_server import ToolServer
from tests.approvals_app import factories
from tests.engine_harness import SCRIPTS
from workflows_app import notify
from workflows_app.core.kinds import Done
from workflows_app.models import Workspace
from workflows_app.services.apply import scopes_settle


@pytest.fixture(autouse=True)
def nudges(monkeypatch):
    """Handle a touched scope at once, as the task that a worker takes from the broker does."""

    def settle(scope_id, run_id):
        notify.runs_ready(scopes_settle({scope_id: run_id}))

    monkeypatch.setattr(
        notify,
        "scope_touched",
        lambda scope_id, run_id: transaction.on_commit(lambda: settle(scope_id, run_id)),
    )


@pytest.fixture
def people(transactional_db):
    """Starter `olga`; assignees `anna` and `ben`."""
    space, _ = Workspace.objects.get_or_create(
        slug="test", defaults={"name": "Test", "is_default": True}
    )
    return {
        name: factories.person(
            name, groups=["approvers"] if name in ("anna", "ben") else [], space=space
        )
        for name in ("olga", "anna", "ben")
    }


@pytest.fixture
def done(monkeypatch):
    """What the steps named `act` were asked to do."""
    seen = []

    def act(call):
        seen.append(call.settings.get("value"))
        return Done(output={"did": call.settings.get("value")})

    monkeypatch.setitem(SCRIPTS, "act", act)
    return seen


@pytest.fixture
def server(settings):
    with ToolServer() as running:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture
def ledger(monkeypatch):
    """What the steps made by `driving.acting` did and undid, in order."""
    seen = []

    def acts(call):
        seen.append(f"do {call.settings['value']}")
        return Done(output={"did": call.settings["value"]})

    def takes_back(call):
        seen.append(f"undo {call.settings['value']}")
        return Done()

    monkeypatch.setitem(SCRIPTS, "acts", acts)
    monkeypatch.setitem(SCRIPTS, "takes_back", takes_back)
    return seen
