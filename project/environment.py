"""Reading the environment: every setting has a default, every mistake one clear sentence."""

import hashlib
import os
import secrets
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# PostgreSQL refuses socket paths beyond about 104 bytes; ".s.PGSQL.5432.lock" is the longest name.
SOCKET_FOLDER_LIMIT = 80
# Seconds that a request waits for a free connection, in line, before it is told to come again.
WEB_WAIT = 20
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})


def env_text(name: str, default: str = "") -> str:
    """Return a variable without surrounding blanks; an empty one counts as not set."""
    return os.environ.get(name, "").strip() or default


def env_int(name: str, default: int, *, lowest: int = 0) -> int:
    """Return a whole number.

    Raises:
        ImproperlyConfigured: it is no number, or below `lowest`.
    """
    text = env_text(name, str(default))
    if not text.isdecimal() or int(text) < lowest:
        raise ImproperlyConfigured(f"{name} must be a whole number from {lowest}, not {text!r}.")
    return int(text)


DUPLICATES_KNOWN = 30  # days in which the same event is told to be a repeat


def env_days(name: str, default: int) -> int:
    """Return for how many days something is kept: at least 30, or 0 for ever.

    Raises:
        ImproperlyConfigured: fewer, so that a repeated event would be taken for a new one.
    """
    days = env_int(name, default)
    if 0 < days < DUPLICATES_KNOWN:
        raise ImproperlyConfigured(f"{name} must be 0 (for ever) or {DUPLICATES_KNOWN} and more.")
    return days


def env_bool(name: str, default: bool = False) -> bool:
    """Return a switch: 1, true, yes, on or 0, false, no, off."""
    text = env_text(name, "1" if default else "0").lower()
    if text not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {text!r}.")
    return text in TRUE


def env_list(name: str, default: str = "") -> list[str]:
    """Return the non-empty parts of a comma-separated list."""
    return [part.strip() for part in env_text(name, default).split(",") if part.strip()]


def extra_apps() -> list[str]:
    """Return the Django apps that the operator adds, each as a module or as its AppConfig.

    Raises:
        ImproperlyConfigured: one of them is nowhere to be found.
    """
    names = env_list("EXTRA_APPS")
    for name in names:
        if not (_is_module(name) or _is_module(name.rpartition(".")[0])):
            raise ImproperlyConfigured(
                f"EXTRA_APPS names {name!r}, and there is no such module: install its package, "
                "or add its folder to PYTHONPATH."
            )
    return names


def _is_module(name: str) -> bool:
    try:
        return bool(name) and find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def home_folder() -> Path:
    """Return the absolute data folder of this installation."""
    return Path(env_text("COUNTERSIGN_HOME", ".countersign")).expanduser().resolve()


def socket_folder(home: Path) -> Path:
    """Return the private folder of the embedded servers' sockets, the same for every process.

    It is in the data folder, unless that makes the path too long for a unix socket.
    """
    inside = home / "run"
    if len(os.fsencode(inside)) <= SOCKET_FOLDER_LIMIT:
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"countersign-{os.getuid()}-{name}"  # noqa: S108 owner and mode are checked


def embedded_database_url(home: Path) -> str:
    """Return the address of the PostgreSQL that `serve` starts for a data folder."""
    return f"postgresql:///countersign?user=countersign&host={socket_folder(home)}"


def embedded_broker_url(home: Path) -> str:
    """Return the address of the Valkey that `serve` starts for a data folder."""
    return f"redis+socket://{socket_folder(home)}/broker.sock"


LOCK_LIMITS = "-c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"


def database_settings(url: str, *, role: str, pool_size: int) -> dict:
    """Return Django's settings of one PostgreSQL database from its address.

    Anything that libpq understands in the address is kept (sslmode, several hosts, ...).
    A pool size of 0 is one plain connection: what a command needs, with a plain error.

    Raises:
        ImproperlyConfigured: the address is not PostgreSQL's.
    """
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL must be a postgres:// address: {error}") from None
    # A stopped process must free its locks; the planner's compiler only slows short queries.
    # A migration may wait and compute for longer: it is run once, by somebody who looks on.
    limits = "-c jit=off" if role == "prepare" else f"{LOCK_LIMITS} -c jit=off"
    options: dict[str, Any] = {
        "application_name": f"countersign {role}",
        **{key: value for key, value in parts.items() if key not in _OWN_KEYS},
        "options": f"{limits} {parts.get('options') or ''}".strip(),
        # Statements are prepared only where the code asks for it: the engine's own.
        "prepare_threshold": 1_000_000,
    }
    if pool_size:
        wait = WEB_WAIT if role == "web" else 5
        options["pool"] = {"min_size": 0, "max_size": pool_size, "timeout": wait, "max_idle": 60}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname") or "countersign",
        "USER": parts.get("user") or "",
        "PASSWORD": parts.get("password") or "",
        "HOST": parts.get("host") or "",
        "PORT": str(parts.get("port") or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


_OWN_KEYS = frozenset({"dbname", "user", "password", "host", "port", "options"})


def listen_address(url: str, *, role: str) -> str:
    """Return the address of a connection that stays open and listens, outside the pool."""
    return make_conninfo(url, application_name=f"countersign {role} relay")


def secret_key(home: Path) -> str:
    """Return SECRET_KEY, or the one kept in the data folder, made on first use.

    Raises:
        ImproperlyConfigured: the data folder cannot be written.
    """
    if given := env_text("SECRET_KEY"):
        return given
    path = home / "secret_key"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_once(path, secrets.token_urlsafe(50))
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {home} cannot be written ({error.strerror}): "
            "set COUNTERSIGN_HOME to a folder of yours."
        ) from None


def _write_once(path: Path, text: str) -> None:
    """Create a private file whole, or leave the one that another process made first."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
