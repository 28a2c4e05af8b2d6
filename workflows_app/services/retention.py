"""Taking old events and deliveries away, a few at a time; runs and their history are kept."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

EVERY = 60.0  # seconds between two looks of one process
BATCH = 500
MOST = 20  # batches at one look

# The oldest come first by id, so a look at them tells whether there is anything to do at all.
_EVENTS = """
DELETE FROM workflows_app_event WHERE id IN (
  SELECT e.id FROM (
    SELECT id, received_at FROM workflows_app_event ORDER BY id LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED) AS e
  WHERE e.received_at < clock_timestamp() - %(age)s)
"""
# What points at an event goes first: its own keys know no cascade in the database.
_BESIDE = """
WITH old AS (
  SELECT e.id FROM (
    SELECT id, received_at FROM workflows_app_event ORDER BY id LIMIT %(batch)s) AS e
  WHERE e.received_at < clock_timestamp() - %(age)s),
uses AS (DELETE FROM workflows_app_eventuse WHERE event_id IN (SELECT id FROM old)),
firings AS (DELETE FROM workflows_app_triggerfiring WHERE event_id IN (SELECT id FROM old)),
deliveries AS (DELETE FROM workflows_app_delivery WHERE event_id IN (SELECT id FROM old))
UPDATE workflows_app_eventwait SET event_id = NULL WHERE event_id IN (SELECT id FROM old)
"""
_DELIVERIES = """
DELETE FROM workflows_app_delivery WHERE id IN (
  SELECT id FROM workflows_app_delivery
  WHERE state <> 'pending' AND ended_at < clock_timestamp() - %(age)s
  LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


class Retention:
    """Looks once a minute, however often it is asked."""

    def __init__(self) -> None:
        self._next = 0.0
        self._lock = threading.Lock()

    def sweep(self, now: datetime) -> int:
        """Take away what is older than the settings keep; give how many rows went."""
        with self._lock:
            if time.monotonic() < self._next:
                return 0
            self._next = time.monotonic() + EVERY
        return events_drop() + deliveries_drop()


retention = Retention()


def events_drop() -> int:
    """Drop events older than `EVENTS_KEPT_DAYS`, with what they did; 0 days keep all."""
    return _in_batches(settings.EVENTS_KEPT_DAYS, (_BESIDE, _EVENTS))


def deliveries_drop() -> int:
    """Drop ended deliveries older than `DELIVERIES_KEPT_DAYS`; 0 days keep all."""
    return _in_batches(settings.DELIVERIES_KEPT_DAYS, (_DELIVERIES,))


def _in_batches(days: int, statements: tuple[str, ...]) -> int:
    if not days:
        return 0
    values: dict[str, Any] = {"batch": BATCH, "age": timedelta(days=days)}
    count = 0
    for _ in range(MOST):
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, values)
            gone = cursor.rowcount
        count += gone
        if gone < BATCH:
            break
    return count
