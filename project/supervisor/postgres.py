"""The embedded PostgreSQL."""

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from project.supervisor.account import account_find
from project.supervisor.binaries import POSTGRES_MAJOR, postgres_programs
from project.supervisor.children import child_start
from project.supervisor.errors import CannotStart
from project.supervisor.leftovers import postgres_clear

USER = "countersign"
DATABASE = "countersign"
PATIENCE = 120.0  # seconds; after a crash the log is replayed first

DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "pglz",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "checkpoint_timeout": "10min",
}
# Nobody replicates from an embedded server, and its queries are short.
COMMON = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_naptime": "15s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "unix_socket_permissions": "0700",
}


@dataclass(kw_only=True)
class Postgres:
    """One server on one data folder; `port` is used for TCP as well when `tcp` is set."""

    data: Path
    sockets: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=lambda: DURABLE)
    port: int = 5432
    tcp: bool = False
    death_signal = signal.SIGINT
    stop_signal = signal.SIGINT  # the fast way: sessions end, then a checkpoint

    @property
    def url(self) -> str:
        """Return the address of the product's database."""
        if self.tcp:
            return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"
        return f"postgresql:///{DATABASE}?user={USER}&host={self.sockets}&port={self.port}"

    def prepare(self) -> None:
        """Make the data folder if there is none; clear up after a crash if there is one.

        Raises:
            CannotStart: another version made the folder, or it cannot be made.
        """
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._create()
        elif (found := version.read_text().strip()) != str(POSTGRES_MAJOR):
            raise CannotStart(
                f"The data folder {self.data} was made by PostgreSQL {found} and this release "
                f"uses PostgreSQL {POSTGRES_MAJOR}: move the data with pg_dump first "
                "(docs/operations.md, Upgrades)."
            )
        postgres_clear(self.data, self.sockets)

    def start(self) -> subprocess.Popen:
        """Start the server; `ready` says when it answers."""
        options = {
            **COMMON,
            **self.settings,
            "port": str(self.port),
            "unix_socket_directories": str(self.sockets),
            "listen_addresses": "127.0.0.1" if self.tcp else "",
        }
        command: list[str | Path] = [*account_find().prefix, postgres_programs() / "postgres"]
        command += ["-D", self.data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            return child_start(command, death_signal=self.death_signal, log=log)

    def ready(self, process: subprocess.Popen) -> None:
        """Wait until the server answers, and see that the product's database is there.

        Raises:
            CannotStart: the server ended instead.
        """
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                self._create_database()
                return
            time.sleep(0.02)
        raise CannotStart(
            f"PostgreSQL did not start: {last_line(self.log)} (the whole story is in {self.log})."
        )

    def _create(self) -> None:
        """Run initdb beside the folder and rename: an interrupted one leaves nothing half-made."""
        account = account_find()
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        account.own(draft)
        command: list[str | Path] = [
            *account.prefix,
            postgres_programs() / "initdb",
            "-D",
            draft,
            "-U",
            USER,
        ]
        command += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        command += ["--no-sync"] if self.settings.get("fsync") == "off" else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotStart(f"initdb failed in {draft}: {done.stderr.strip().splitlines()[-1]}")
        draft.rename(self.data)

    def _create_database(self) -> None:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "does not exist" not in str(error):
                raise
            template = make_conninfo(self.url, dbname="postgres")
            with psycopg.connect(template, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].rstrip(". ") if lines else "it said nothing"
