import json

import pytest

from tests.builder.definitions import START
from tests.views import factories
from workflows_app.models import Workflow


@pytest.fixture
def workspace(db):
    return factories.workspace_make()


@pytest.fixture
def owner(workspace):
    return factories.user_make("mira", workspace, ("viewer", "operator", "designer"))


@pytest.fixture
def colleague(workspace):
    return factories.user_make("jo", workspace, ("viewer", "designer"))


@pytest.fixture
def viewer(workspace):
    return factories.user_make("vic", workspace, ("viewer",))


@pytest.fixture
def stranger(db):
    return factories.user_make("sam", factories.workspace_make("elsewhere"), ("designer",))


@pytest.fixture
def workflow(workspace):
    return Workflow.objects.create(
        workspace=workspace, slug="refund", name="Refund", draft=json.loads(json.dumps(START))
    )


@pytest.fixture
def designer(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def send(workflow):
    """Send changes as a person's browser does."""

    def send(client, *changes, revision=1, label="Edit"):
        body = {"revision": revision, "changes": list(changes), "label": label}
        return client.post(
            f"/workflows/{workflow.slug}/edit/changes/",
            json.dumps(body),
            content_type="application/json",
        )

    return send
