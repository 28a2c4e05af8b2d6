import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from tests.browser.conftest import database_address
from tests.views import factories


@pytest.fixture
def listening(transactional_db, monkeypatch):
    """Let the relay listen on the database of the tests."""
    monkeypatch.setattr(settings, "LISTEN_DSN", database_address())


@pytest.fixture
async def scene(listening):
    """Give people, a run that one of them may see, and close what the tests opened."""
    yield await sync_to_async(_scene)()
    await sync_to_async(connections.close_all)()


def _scene():
    workspace = factories.workspace_make()
    elsewhere = factories.workspace_make("elsewhere")
    version = factories.version_make(factories.workflow_make(workspace))
    run = factories.run_make(version)
    factories.step_make(run, "redact", "succeeded", lasted=1.5)
    factories.event_make(run, "run.started", to_state="running")
    return {
        "owner": factories.user_make("mira", workspace),
        "stranger": factories.user_make("sam", elsewhere),
        "run": run,
    }
