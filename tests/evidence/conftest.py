"""Fixtures of the evidence tests; models are imported late, once Django is loaded."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    """Keep the heads of each test apart."""
    settings.COUNTERSIGN_HOME = tmp_path
    return tmp_path


@pytest.fixture
def workspace(db: None) -> Any:
    from workflows_app.models import Workspace

    return Workspace.objects.create(slug="main", name="Main", is_default=True)


@pytest.fixture
def version(workspace: Any) -> Any:
    from tests.evidence.rows import version_make

    return version_make(workspace)


@pytest.fixture
def run(version: Any) -> Any:
    from tests.evidence.rows import run_make

    return run_make(version)


@pytest.fixture
def viewer(workspace: Any) -> Any:
    from workflows_app.models import Member, User

    user = User.objects.create(username="vera")
    Member.objects.create(workspace=workspace, user=user, roles=["viewer"])
    return user


@pytest.fixture
def tamper(db: None) -> Iterator[Callable[..., int]]:
    """Change what nobody may change, as someone with the database's own rights could."""

    def act(sql: str, *arguments: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")  # no triggers
            cursor.execute(sql, arguments or None)
            changed = cursor.rowcount
            cursor.execute("SET session_replication_role = DEFAULT")
        return changed

    return act
