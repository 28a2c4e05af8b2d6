"""Is this process alive, and can it do its work?"""

from threading import Event

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError

from project.celery import app

_seen_migrated = Event()  # this code's migrations do not go away again


@never_cache
@require_safe
def health_view(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process runs and handles requests."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready_view(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database is there and migrated; the broker is told, not required.

    A broker that is away costs latency and no run, so it takes no web process out of service.
    """
    database = database_state()
    status = 200 if database == "ok" else 503
    state = {"status": "ok" if status == 200 else "unavailable", "database": database}
    return JsonResponse({**state, "broker": broker_state()}, status=status)


def database_state() -> str:
    """Return "ok", "unreachable" or "not migrated"."""
    try:
        if not _seen_migrated.is_set():
            if migrations_pending():
                return "not migrated"
            _seen_migrated.set()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def migrations_pending() -> bool:
    """Say whether the database lacks a migration that this code has."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def broker_state() -> str:
    """Return "ok" or "unreachable", within about a second."""
    try:
        with app.connection_for_write(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, timeout=1)
    except (KombuError, BrokerError, OSError):
        return "unreachable"
    return "ok"
