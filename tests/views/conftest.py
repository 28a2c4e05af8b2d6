import pytest

from tests.views import factories


@pytest.fixture
def workspace(db):
    return factories.workspace_make()


@pytest.fixture
def owner(workspace):
    return factories.user_make("mira", workspace, ("viewer", "operator", "designer"))


@pytest.fixture
def viewer(workspace):
    return factories.user_make("vic", workspace, ("viewer",))


@pytest.fixture
def stranger(db):
    other = factories.workspace_make("elsewhere")
    return factories.user_make("sam", other)


@pytest.fixture
def version(workspace):
    return factories.version_make(factories.workflow_make(workspace))


@pytest.fixture
def run(version):
    return factories.run_make(version)
