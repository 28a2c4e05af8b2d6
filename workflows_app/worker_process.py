"""The one worker of a process, made when the first message comes or the process says so."""

import threading

from workflows_app.worker import Worker

_lock = threading.Lock()
_worker: Worker | None = None


def worker_current() -> Worker:
    """Give the process's worker, started."""
    global _worker  # noqa: PLW0603
    with _lock:
        if _worker is None:
            _worker = Worker()
            _worker.start()
        return _worker
