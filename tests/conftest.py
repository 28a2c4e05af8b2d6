"""Real servers for the tests: PostgreSQL and Valkey from the same wheels as `make run`."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Settings are read once, when Django is loaded: nothing of the machine's own may leak in.
HOME = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "EGRESS_ALLOW", "STAND_IN", "PUBLIC_URL"):
    os.environ.pop(name, None)
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
os.environ["COUNTERSIGN_HOME"] = str(HOME)
os.environ["COUNTERSIGN_ROLE"] = "tests"
os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)
os.environ["BROKER_URL"] = f"redis+socket://{HOME}/broker.sock"
os.environ["DATABASE_URL"] = (
    os.environ.get("TEST_DATABASE_URL") or f"postgresql:///countersign?user=countersign&host={HOME}"
)

import django  # noqa: E402

django.setup()  # before the test modules, which import models

from project.supervisor.children import child_stop  # noqa: E402
from project.supervisor.postgres import Postgres  # noqa: E402
from project.supervisor.valkey import Valkey  # noqa: E402

# A test database need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextmanager
def served(server: Postgres | Valkey) -> Iterator[Postgres | Valkey]:
    """Run a server for the length of a block."""
    server.prepare()
    process = server.start()
    try:
        server.ready(process)
        yield server
    finally:
        child_stop(process, how=server.stop_signal)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, request: pytest.FixtureRequest
) -> Iterator[None]:
    """Start PostgreSQL before the first test that needs it, unless TEST_DATABASE_URL names one."""
    if os.environ.get("TEST_DATABASE_URL"):
        yield
        return
    server = Postgres(data=HOME / "db", sockets=HOME, log=HOME / "postgres.log", settings=FAST)
    with served(server):
        yield


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """Start Valkey and give its address, the one that the settings already name."""
    with served(Valkey(sockets=HOME, log=HOME / "valkey.log")) as server:
        yield server.url


@pytest.fixture(autouse=True, scope="session")
def flush_as_retention() -> Iterator[None]:
    """Let the flush between tests empty the append-only tables, as retention may."""
    from django.db.backends.base.operations import BaseDatabaseOperations

    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_all(self: BaseDatabaseOperations, statements: list[str]) -> None:
        flush(self, ["SET LOCAL countersign.retention = 'on'", *statements])

    BaseDatabaseOperations.execute_sql_flush = flush_all
    yield
    BaseDatabaseOperations.execute_sql_flush = flush


@pytest.fixture(autouse=True)
def engine_memory_forgotten() -> Iterator[None]:
    """Each test has its own rows: nothing that the engine remembers may outlive them."""
    yield
    from workflows_app.services.context import contexts_forget
    from workflows_app.services.held import held

    contexts_forget()
    held.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count browser tests as not run where there is no browser."""
    browsers = ("chromium", "chromium-browser", "google-chrome")
    if any(map(shutil.which, browsers)) and shutil.which("chromedriver"):
        return
    reason = "Chromium and its driver are not installed"
    for item in items:
        if "browser" in item.path.parts or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[object]) -> None:
    """Let each parallel process read the settings after its own servers are named here."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(HOME, ignore_errors=True)
