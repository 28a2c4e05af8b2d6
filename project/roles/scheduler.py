"""The scheduler: takes due timers, expired leases, deadlines and schedules, row by row."""

import signal
from threading import Event

from project.roles.loading import collector_start
from project.roles.waiting import wait_for_database
from project.supervisor.announce import announce
from workflows_app.services.sweep import sweep_forever


def scheduler_run() -> None:
    """Sweep each second until SIGTERM; any number of these may run, all equal."""
    collector_start()
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    wait_for_database(stop)
    announce()
    sweep_forever(stop)
