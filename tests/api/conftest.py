"""People, tokens and callers. Models are imported late: Django is not set up yet here."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.callers import Caller
    from workflows_app.models import User, Workspace


@pytest.fixture
def workspace(db: None) -> "Workspace":
    from workflows_app.services.people import workspace_default

    return workspace_default()


@pytest.fixture
def elsewhere(db: None) -> "Workspace":
    from workflows_app.services.people import workspace_create

    return workspace_create(name="Elsewhere")[0]


@pytest.fixture
def owner(workspace: "Workspace") -> "User":
    from workflows_app.services.people import person_create

    return person_create(username="owner", workspace=workspace, roles=["admin"])


@pytest.fixture
def api(workspace: "Workspace", owner: "User") -> "Caller":
    """Give the owner's caller, who may do everything."""
    from tests.api.callers import caller_of

    return caller_of(workspace, "owner")


@pytest.fixture
def viewer(workspace: "Workspace", owner: "User") -> "Caller":
    from tests.api.callers import caller_of

    return caller_of(workspace, "vera", roles=("viewer",), scopes=("read", "run", "design"))


@pytest.fixture
def stranger(elsewhere: "Workspace") -> "Caller":
    """Give somebody who may do everything, but elsewhere."""
    from tests.api.callers import caller_of

    return caller_of(elsewhere, "stranger")


@pytest.fixture
def service(workspace: "Workspace") -> "Caller":
    from tests.api.callers import Caller
    from workflows_app.services.people import token_create

    scopes = ("read", "run")
    return Caller(
        token_create(workspace=workspace, scopes=scopes, actor="operator", service="nightly")
    )


@pytest.fixture
def anonymous(db: None) -> "Caller":
    from tests.api.callers import Caller

    return Caller()
