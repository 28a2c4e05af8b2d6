"""The worker process: messages wake it, its slots carry steps out, and it watches itself."""

import logging
import os
import signal
import socket
import warnings
from datetime import timedelta
from importlib import import_module
from threading import Event, Thread
from typing import Any

from celery import signals
from celery.apps.worker import Worker
from celery.exceptions import SecurityWarning
from django.conf import settings

from project.celery import app
from project.roles.loading import arenas_share, collector_start
from project.roles.probe import Probe, probe_forget, probe_register
from project.roles.switching import threads_change_over
from project.roles.waiting import wait_for_database
from project.supervisor.announce import announce
from project.supervisor.gate import gate_pass
from workflows_app.services.sweep import sweep_forever
from workflows_app.worker_process import worker_current

logger = logging.getLogger(__name__)
RETIRED = 75  # the exit code of a process that asks to be started again
GRACE = timedelta(seconds=25)  # running steps may finish; then their leases run out
OVERDUE = 30.0  # seconds past its deadline that a step may hold its slot


def worker_run(*, name: str, with_scheduler: bool) -> int:
    """Carry out steps until SIGTERM, then let running ones finish; return the exit code."""
    threads_change_over()
    role = WorkerRole(name, with_scheduler=with_scheduler)
    collector_start()
    arenas_share()
    if not gate_pass():
        wait_for_database(role.stop)
    role.connect()
    os.environ["CELERY_SKIP_CHECKS"] = "true"  # the checks are the build's, not every start's
    warnings.simplefilter("ignore", SecurityWarning)  # of root and pickle: only JSON is accepted
    try:
        worker = Worker(app=app, **role.options())
        worker.start()
        role.code = role.code or int(worker.exitcode or 0)
    except SystemExit as ended:
        role.code = role.code or int(ended.code or 0)
    role.finish()
    return role.code


class WorkerRole:
    """What lives as long as the worker, hung on Celery's own signals."""

    def __init__(self, name: str, *, with_scheduler: bool) -> None:
        self.host = f"worker-{name}@{socket.gethostname()}"
        self.with_scheduler = with_scheduler
        self.probe = Probe(f"probe.{self.host}.{os.getpid()}")
        self.stop = Event()
        self.code = 0
        self.ending: Thread | None = None

    def options(self) -> dict[str, Any]:
        """Return how Celery's worker is to be; made here, its command line is never imported."""
        return {
            "quiet": True,
            "pool_cls": "threads",
            "concurrency": settings.WORKER_SLOTS,
            "hostname": self.host,
            "queues": [app.conf.task_default_queue, self.probe.queue],
            "without_gossip": True,
            "without_mingle": True,
            "without_heartbeat": True,
            "loglevel": "WARNING",
        }

    def connect(self) -> None:
        """Begin with Celery and end with it."""
        probe_register(self.probe)
        signals.worker_init.connect(self._begin, weak=False)
        signals.worker_ready.connect(self._ready, weak=False)
        signals.worker_shutting_down.connect(self._end, weak=False)

    def _begin(self, **_: object) -> None:
        worker_current()
        if self.with_scheduler:  # also while the broker is away
            Thread(target=sweep_forever, args=[self.stop], name="scheduler", daemon=True).start()

    def _ready(self, **_: object) -> None:
        self.probe.seen()
        worker_current().ear.start()
        if not self.stop.is_set():
            Thread(target=self._watch, name="watchdog", daemon=True).start()
        announce()

    def _end(self, **_: object) -> None:
        """Claim nothing more; called inside a signal handler, so the waiting is done elsewhere."""
        if self.stop.is_set():
            return
        self.stop.set()
        worker = worker_current()
        self.ending = Thread(target=worker.stop, kwargs={"grace": GRACE}, name="ending")
        self.ending.start()

    def _watch(self) -> None:
        """Retire the process when it no longer does its work; the supervisor starts another."""
        if settings.ANTHROPIC_API_KEY:
            import_module("anthropic")  # slow to import: better now than within a step's time
        while not self.stop.wait(1.0):
            self.probe.send()
            if self.probe.is_lost():
                self._retire("sends messages and receives none")
            elif worker_current().is_overdue(OVERDUE):
                self._retire("has a step that does not end")

    def _retire(self, why: str) -> None:
        logger.error("This worker %s; it stops to be started again.", why)
        self.code = RETIRED
        os.kill(os.getpid(), signal.SIGTERM)
        Event().wait(GRACE.total_seconds() + 5)
        os._exit(RETIRED)  # a thread that hangs cannot be stopped; its lease runs out

    def finish(self) -> None:
        """Wait for the slots as long as they may take; never for a thread that hangs."""
        self.stop.set()
        if self.ending is not None:
            self.ending.join(GRACE.total_seconds() + 5)
        probe_forget(self.probe)
        logging.shutdown()
        os._exit(self.code)
