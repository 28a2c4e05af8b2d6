"""The web process: pages, API and live sockets."""

import socket

import uvicorn
from django.conf import settings
from django.urls import get_resolver

from project.roles.loading import collector_start
from project.roles.switching import threads_change_over
from project.supervisor.announce import announce
from project.supervisor.gate import gate_pass

GRACE = 5  # seconds for open requests when told to stop


class WebServer(uvicorn.Server):
    """A server that says when it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the supervisor."""
        await super().startup(sockets)
        announce()


def web_run(*, fd: int | None = None) -> None:
    """Serve until SIGTERM, on an inherited listening socket or on HOST and PORT."""
    threads_change_over()
    config = uvicorn.Config(
        "project.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=65536,  # sockets take no commands
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    config.load()
    get_resolver().url_patterns  # noqa: B018 every page is imported here, not at the first request
    collector_start()
    gate_pass()
    sockets = None if fd is None else [socket.socket(fileno=fd)]
    WebServer(config).run(sockets=sockets)
