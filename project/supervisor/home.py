"""The data folder: made, private, and held by one supervisor at a time."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from project.environment import socket_folder
from project.supervisor.errors import CannotStart

LOG_LIMIT = 10_000_000  # bytes; a longer log is put aside at the next start


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one installation."""

    root: Path

    @property
    def data(self) -> Path:
        """Return PostgreSQL's folder."""
        return self.root / "db"

    @property
    def sockets(self) -> Path:
        """Return the private folder of the sockets, with a path that is short enough."""
        return socket_folder(self.root)

    @property
    def children(self) -> Path:
        """Return where the running children are written down."""
        return self.root / "children.json"

    @property
    def links(self) -> Path:
        """Return where sign-in links that nobody has used yet are kept."""
        return self.root / "links.json"

    def log(self, name: str) -> Path:
        """Return a server's log, empty if it had grown too long."""
        path = self.root / "logs" / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".old.log"))
        path.touch(mode=0o600)
        return path

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            CannotStart: they cannot be written, or the sockets' folder is somebody else's.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.root / "logs").mkdir(mode=0o700, exist_ok=True)
            self.sockets.mkdir(mode=0o700, exist_ok=True)
            probe = self.root / "logs" / "started"
            probe.touch(mode=0o600)
        except OSError as error:
            raise CannotStart(
                f"The data folder {self.root} cannot be written ({error.strerror}): "
                "set COUNTERSIGN_HOME to a folder of yours."
            ) from None
        found = self.sockets.lstat()
        is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if found.st_uid != os.geteuid() or not is_private:
            raise CannotStart(f"{self.sockets} must be a private folder of yours: remove it.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the data folder for a block; the lock goes with the process, however it ends.

        Raises:
            CannotStart: another supervisor holds it.
        """
        with (self.root / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                raise CannotStart(
                    f"The data folder {self.root} is in use by process {lock.read().strip()}: "
                    "stop that one, or set COUNTERSIGN_HOME to another folder."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
