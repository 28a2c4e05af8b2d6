"""Real servers for the tests: PostgreSQL and Valkey from the same wheels as `make run`."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

# Settings are read once, when Django is loaded: nothing of the machine's own may leak in.
HOME = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
# What the processes of one parallel run make only once: the first of them names it.
SHARED = Path(os.environ.setdefault("COUNTERSIGN_TESTS_SHARED", str(HOME / "shared")))
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
from django.conf import settings as django_settings  # noqa: E402

django.setup()  # before the test modules, which import models

# A password of a test is no secret, and the real way to hash one takes a second.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

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
def django_db_setup(
    unlimited: pytest.MonkeyPatch, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Bound how long a lock is waited for, once the migrations are done that need longer.

    In the end whatever thread still holds a connection gives it up, so that the database can go.
    """
    from django.db import connection

    unlimited.setitem(
        connection.settings_dict["OPTIONS"], "options", "-c jit=off -c lock_timeout=5s"
    )
    with django_db_blocker.unblock():
        connection.close()
        connection.close_pool()
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def unlimited() -> Iterator[pytest.MonkeyPatch]:
    """Take the limits of time away: a busy machine leaves a test alone for longer than they."""
    from django.db import connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict["OPTIONS"], "options", "-c jit=off")
        yield patch


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """Start Valkey and give its address, the one that the settings already name."""
    with served(Valkey(sockets=HOME, log=HOME / "valkey.log")) as server:
        yield server.url


# Removing the few rows of a test takes a few milliseconds, where TRUNCATE makes every file of
# every table and index anew. Writers still at work are waited for, as TRUNCATE would.
FLUSH = """
DO $flush$
DECLARE name text; found boolean;
BEGIN
  SET LOCAL countersign.retention = 'on';
  IF current_setting('is_superuser')::boolean THEN
    SET LOCAL session_replication_role = 'replica';
  END IF;
  LOCK TABLE {all} IN EXCLUSIVE MODE;
  FOREACH name IN ARRAY ARRAY[{each}] LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO found;
    IF found THEN EXECUTE 'DELETE FROM ' || name; END IF;
  END LOOP;
END $flush$
"""


@pytest.fixture(autouse=True, scope="session")
def flush_as_retention() -> Iterator[None]:
    """Let the flush between tests empty the append-only tables too, as retention may."""
    from django.db import OperationalError
    from django.db.backends.postgresql.operations import DatabaseOperations

    def sql_flush(
        self: DatabaseOperations, style: object, tables: list[str], **options: bool
    ) -> list[str]:
        names = [self.quote_name(table) for table in tables]
        each = ", ".join(f"'{name}'" for name in names)
        return [FLUSH.format(all=", ".join(names), each=each)] if names else []

    execute = DatabaseOperations.execute_sql_flush

    def execute_sql_flush(self: DatabaseOperations, statements: list[str]) -> None:
        for tries_left in (3, 2, 1, 0):
            try:
                execute(self, statements)
                return
            except OperationalError:  # a thread of the test still writes: one of the two gave way
                if not tries_left:
                    raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(DatabaseOperations, "execute_sql_flush", execute_sql_flush)
        yield


@pytest.fixture(autouse=True)
def engine_memory_forgotten() -> Iterator[None]:
    """Each test has its own rows: nothing that the engine remembers may outlive them."""
    yield
    from workflows_app import notify
    from workflows_app.services.context import contexts_forget
    from workflows_app.services.held import held

    contexts_forget()
    held.clear()
    notify.connection_close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; count browser tests as not run where there is no browser."""
    longest_first(items)
    browsers = ("chromium", "chromium-browser", "google-chrome")
    if any(map(shutil.which, browsers)) and shutil.which("chromedriver"):
        return
    reason = "Chromium and its driver are not installed"
    for item in items:
        if "browser" in item.path.parts or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=reason))


# Files that take longest, first: two processes that take whole files end together that way.
LONGEST = (
    "tests/browser/test_builder_whole.py",
    "tests/browser/test_approval_pages.py",
    "tests/faults",
    "tests/browser",
    "tests/platform",
    "tests/workflows_app/core",
    "tests/approvals_app/races",
    "tests/workflows_app/replay",
    "tests/gallery",
)


def pytest_configure(config: pytest.Config) -> None:
    """Hand files out in the order of the collection, not by how many tests they have."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def longest_first(items: list[pytest.Item]) -> None:
    """Sort the files; tests of one file stay as they are."""

    def rank(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name)), 99)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[object]) -> None:
    """Let each parallel process read the settings after its own servers are named here."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(HOME, ignore_errors=True)
