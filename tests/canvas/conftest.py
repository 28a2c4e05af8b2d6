import pytest

from tests.views import factories


@pytest.fixture
def workspace(db):
    return factories.workspace_make()


@pytest.fixture
def viewer(workspace):
    return factories.user_make("vic", workspace, ("viewer",))
