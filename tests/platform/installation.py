"""An installation started as people start it, in a folder and on a port of its own."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from project.supervisor.postgres import Postgres
from tests.conftest import FAST, SHARED, served

ROOT = Path(__file__).resolve().parent.parent.parent
SERVED = re.compile(r"Countersign is ready at (\S+)/")


def home_prepared(home: Path) -> None:
    """Fill a data folder as a first start leaves it: made once, then copied."""
    SHARED.mkdir(parents=True, exist_ok=True)
    made = SHARED / "home"
    with (SHARED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _home_make(SHARED / "draft")
            (SHARED / "draft").rename(made)
    shutil.copytree(made, home)


def _home_make(home: Path) -> None:
    server = Postgres(data=home / "db", sockets=SHARED, log=SHARED / "log", settings=FAST)
    environment = {**os.environ, "COUNTERSIGN_HOME": str(home), "DATABASE_URL": server.url}
    environment.pop("SECRET_KEY")  # each installation keeps its own
    with served(server):
        command = [sys.executable, "manage.py", "prepare"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


class Installation:
    """`manage.py serve` on one data folder."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "BROKER_URL"}}
        self.environment = {
            **kept,
            "COUNTERSIGN_HOME": str(home),
            "PORT": "0",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] = []
        self.address = ""
        self._ready = threading.Event()

    def start(self, *, seconds: float = 180) -> float:
        """Start it and return the seconds until it was ready."""
        began = time.monotonic()
        self.lines, self.address = [], ""
        self._ready.clear()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=[self.process], daemon=True).start()
        assert self._ready.wait(seconds), "".join(self.lines)
        assert self.address, "".join(self.lines)
        return time.monotonic() - began

    def refused(self) -> str:
        """Start it where it cannot start and return what it said."""
        done = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def family(self) -> list[psutil.Process]:
        """Return the supervisor's living descendants."""
        assert self.process
        return psutil.Process(self.process.pid).children(recursive=True)

    def role(self, name: str) -> psutil.Process:
        """Return the process of one role."""
        return next(
            p for p in self.family() if "manage.py" in " ".join(p.cmdline()) and name in p.cmdline()
        )

    def server(self, name: str) -> psutil.Process:
        """Return the process of one embedded server."""
        assert self.process
        children = psutil.Process(self.process.pid).children()
        return next(p for p in children if p.name().startswith(name))

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop it and return its exit code; nothing it started survives."""
        assert self.process
        family = self.family() if self.process.poll() is None else []
        self.process.send_signal(how)
        code = self.process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=15)
        assert alive == []
        return code

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        with process.stdout as output:
            for line in output:
                self.lines.append(line)
                if found := SERVED.search(line):
                    self.address = found[1]
                    self._ready.set()
        self._ready.set()
