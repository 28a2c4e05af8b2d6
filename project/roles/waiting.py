"""Waiting for a database that somebody else prepares."""

import logging
from threading import Event

from django.db import connection

from project.health import database_state

logger = logging.getLogger(__name__)
STEP, REMINDER = 0.5, 20  # seconds; one line for each so many steps


def wait_for_database(stop: Event) -> None:
    """Return once the database answers and is migrated, or when told to stop."""
    looks = 0
    while (state := database_state()) != "ok":
        if looks % REMINDER == 0:
            logger.warning("The database is %s; waiting for it.", state)
        looks += 1
        connection.close()
        if stop.wait(STEP):
            return
    connection.close()
