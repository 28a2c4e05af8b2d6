"""`manage.py serve`: the whole product by one command."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from socket import socket
from types import FrameType

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from project.environment import embedded_database_url
from project.supervisor.announce import READY_FD
from project.supervisor.child import Child, read_pids
from project.supervisor.children import child_kill, child_start, child_stop
from project.supervisor.errors import CannotStart
from project.supervisor.gate import Gate
from project.supervisor.home import Home
from project.supervisor.leftovers import children_end, children_note
from project.supervisor.links import Link, links_keep, links_left
from project.supervisor.listener import listener_open
from project.supervisor.postgres import Postgres
from project.supervisor.schema import is_prepared
from project.supervisor.valkey import Valkey

MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
GRACE = 30.0  # seconds that running steps have to finish; afterwards their leases run out
FIRST_START_FAILURES = 3


class Supervisor:
    """Starts servers, then roles, in that order, and stops them in the other."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.servers: list[tuple[Postgres | Valkey, Child]] = []
        self.roles: list[Child] = []
        self.links: list[Link] = []
        self.gate = Gate()
        self.is_stopping = self.in_hurry = self.was_ready = False
        self.ready_pipe, self.ready_end = os.pipe()
        os.set_blocking(self.ready_pipe, False)
        self.wake_pipe, self.wake_end = os.pipe()
        os.set_blocking(self.wake_pipe, False)
        os.set_blocking(self.wake_end, False)

    def run(self, listener: socket) -> None:
        """Run until Ctrl-C or SIGTERM."""
        self._take_signals()
        children_end(self.home.children)
        try:
            self._start_roles(listener.fileno())  # they load while the servers come up
            self._start_servers()
            self._prepare_database()
            self.gate.open()
            while True:
                self._watch()
        except KeyboardInterrupt:
            say("Stopping ...")
        finally:
            self.is_stopping = True
            self._stop()

    # --- starting ---

    def _start_servers(self) -> None:
        if not settings.DATABASE_URL:
            self._add_server(
                "PostgreSQL",
                Postgres(
                    data=self.home.data, sockets=self.home.sockets, log=self.home.log("postgres")
                ),
            )
        if not os.environ.get("BROKER_URL", "").strip():
            self._add_server(
                "Valkey", Valkey(sockets=self.home.sockets, log=self.home.log("valkey"))
            )
        for server, child in self.servers:
            assert child.process  # noqa: S101 launched just above
            server.ready(child.process)

    def _add_server(self, name: str, server: Postgres | Valkey) -> None:
        server.prepare()
        child = Child(name=name, start=server.start)
        self.servers.append((server, child))
        self._launch(child)

    def _prepare_database(self) -> None:
        url = settings.DATABASE_URL or embedded_database_url(self.home.root)
        try:
            if is_prepared(url):
                self.links = links_left(self.home.links, url)
                return
        except psycopg.Error as error:
            raise CannotStart(f"The database does not answer: {error}".splitlines()[0]) from None
        say("Preparing the database ...")
        command = [sys.executable, str(MANAGE), "prepare", "--json"]
        process = child_start(command, output=subprocess.PIPE)
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            child_stop(process)
            raise
        if process.returncode:
            raise CannotStart("The database could not be prepared; the reason is above.")
        new = [Link(**link) for link in json.loads(output.splitlines()[-1])]
        links_keep(self.home.links, new)
        self.links = links_left(self.home.links, url)

    def _start_roles(self, listener: int) -> None:
        self.roles.append(self._role("web", ["web", "--fd", str(listener)], keep=[listener]))
        for index in range(1, settings.WORKERS + 1):
            name = f"worker {index}" if settings.WORKERS > 1 else "worker"
            command = ["worker", "--scheduler", "--name", str(index)]
            self.roles.append(self._role(name, command))
        for child in self.roles:
            self._launch(child)

    def _launch(self, child: Child) -> None:
        child.launch()
        children = [*(child for _, child in self.servers), *self.roles]
        pids = [child.process.pid for child in children if child.process]
        children_note(self.home.children, pids)

    def _role(self, name: str, command: list[str], *, keep: Sequence[int] = ()) -> Child:
        def start() -> subprocess.Popen:
            return child_start(
                [sys.executable, MANAGE, *command],
                environment={READY_FD: str(self.ready_end), **self.gate.environment()},
                keep=[self.ready_end, self.gate.held, *keep],
            )

        return Child(name=name, start=start)

    # --- watching ---

    def _watch(self) -> None:
        """Wait for news or a due restart; then look at every child."""
        due = [child.due_at for _, child in self.servers if child.due_at]
        due += [child.due_at for child in self.roles if child.due_at]
        seconds = max(0.0, min(due) - time.monotonic()) if due else 5.0
        readable, _, _ = select.select([self.ready_pipe, self.wake_pipe], [], [], seconds)
        if self.wake_pipe in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake_pipe, 65536)
        self._note_ready()
        for server, child in self.servers:
            self._look_after_server(server, child)
        for child in self.roles:
            self._look_after_role(child)

    def _note_ready(self) -> None:
        pids = read_pids(self.ready_pipe)
        for child in self.roles:
            if child.process and child.process.pid in pids:
                child.is_ready = True
        if not self.was_ready and all(child.is_ready for child in self.roles):
            self.was_ready = True
            self._welcome()

    def _look_after_server(self, server: Postgres | Valkey, child: Child) -> None:
        if not child.due_at and child.has_ended():
            say(f"{child.name} {child.outcome()}; starting it again.")
        if child.due_at and child.due_at <= time.monotonic():
            server.prepare()
            self._launch(child)
            assert child.process  # noqa: S101 launched just above
            server.ready(child.process)

    def _look_after_role(self, child: Child) -> None:
        if not child.due_at and child.has_ended():
            if not self.was_ready and child.failures >= FIRST_START_FAILURES:
                raise CannotStart(f"The {child.name} does not start; the reason is above.")
            say(f"The {child.name} {child.outcome()}; starting it again.")
        if child.due_at and child.due_at <= time.monotonic():
            self._launch(child)

    def _welcome(self) -> None:
        address = settings.PUBLIC_URL or f"http://{shown_host(settings.HOST)}:{os.environ['PORT']}"
        say(f"\nCountersign is ready at {address}/\n")
        for link in self.links:
            say(f"  Sign in as {link.name}: {address}/sign-in/{link.token}/")
        if self.links:
            say("  Each link works once, within 24 hours. `manage.py create_user` makes more.")
        say(f"  Data: {self.home.root}    Stop: Ctrl-C\n")

    # --- stopping ---

    def _stop(self) -> None:
        self._stop_roles()
        for server, child in reversed(self.servers):
            if child.process:
                child_stop(child.process, how=server.stop_signal, seconds=20)
        self.home.children.unlink(missing_ok=True)

    def _stop_roles(self) -> None:
        running = [child.process for child in self.roles if child.process]
        for process in running:
            if process.poll() is None:
                process.terminate()
        began, told = time.monotonic(), False
        while any(process.poll() is None for process in running):
            waited = time.monotonic() - began
            if self.in_hurry or waited > GRACE:
                for process in running:
                    child_kill(process)
            elif waited > 2 and not told:
                told = True
                say("Waiting for running steps; Ctrl-C again stops at once.")
            time.sleep(0.02)

    def _take_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked_to_stop)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup wants it ignored
            signal.signal(signal.SIGHUP, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_end, warn_on_full_buffer=False)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        if self.is_stopping:
            self.in_hurry = number == signal.SIGINT
            return
        self.is_stopping = True
        raise KeyboardInterrupt


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, flush=True)


def shown_host(host: str) -> str:
    """Return a host as a browser on this machine reaches it."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 only compared
    return f"[{name}]" if ":" in name else name


def serve() -> int:
    """Run the product until it is told to stop; return the exit code."""
    try:
        home = Home(settings.COUNTERSIGN_HOME)
        home.prepare()
        with home.held(), listener_open(settings.HOST, settings.PORT) as listener:
            os.environ["PORT"] = str(listener.getsockname()[1])
            os.environ["COUNTERSIGN_HOME"] = str(home.root)
            Supervisor(home).run(listener)
    except (CannotStart, ImproperlyConfigured) as problem:
        print(f"Countersign cannot start. {problem}", file=sys.stderr, flush=True)
        return 1
    return 0
