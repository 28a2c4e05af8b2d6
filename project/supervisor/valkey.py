"""The embedded broker: Valkey without persistence, since the rows are the truth."""

import contextlib
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from project.supervisor.binaries import valkey_program
from project.supervisor.children import child_start
from project.supervisor.errors import CannotStart

PATIENCE = 30.0  # seconds


@dataclass(kw_only=True)
class Valkey:
    """One server on one private socket, or on a port of this machine when `port` is set."""

    sockets: Path
    log: Path
    port: int = 0
    death_signal = signal.SIGTERM
    stop_signal = signal.SIGTERM

    @property
    def socket(self) -> Path:
        """Return where the server listens."""
        return self.sockets / "broker.sock"

    @property
    def url(self) -> str:
        """Return the broker's address."""
        if self.port:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"redis+socket://{self.socket}"

    def prepare(self) -> None:
        """Remove what a killed server left behind."""
        self.socket.unlink(missing_ok=True)

    def start(self) -> subprocess.Popen:
        """Start the server; `ready` says when it answers."""
        command: list[str | Path] = [
            valkey_program(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
        ]
        command += ["--unixsocket", self.socket, "--unixsocketperm", "700"]
        command += ["--save", "", "--appendonly", "no", "--dir", self.sockets]
        command += ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
        command += ["--loglevel", "warning"]
        with self.log.open("ab") as log:
            return child_start(command, death_signal=self.death_signal, log=log)

    def ready(self, process: subprocess.Popen) -> None:
        """Wait until the server answers.

        Raises:
            CannotStart: the server ended instead.
        """
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                if probe.recv(7) == b"+PONG\r\n":
                    return
            time.sleep(0.01)
        raise CannotStart(f"Valkey did not start: see {self.log}.")
