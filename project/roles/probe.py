"""Notices a worker that is connected and yet takes no messages, as happens after a reconnect.

Each worker sends itself a message on a queue of its own. When its sends succeed and nothing has
arrived for long, consuming has stopped for good: the process retires and is started again.
"""

import time
from contextlib import suppress

from kombu import Queue
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError

from project.celery import app

TASK = "countersign.probe"
PERIOD, PATIENCE = 30.0, 90.0  # seconds


class Probe:
    """The last message sent and the last one seen."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.seen_at = time.monotonic()
        self.sent_at = 0.0

    def send(self) -> None:
        """Send a message if one is due; a broker that is away starts the wait anew."""
        now = time.monotonic()
        if now - self.sent_at < PERIOD:
            return
        self.sent_at = now
        try:
            app.send_task(TASK, queue=self.queue, retry=False, expires=PATIENCE)
        except (KombuError, BrokerError, OSError):
            self.seen_at = now

    def seen(self) -> None:
        """Note that a message arrived."""
        self.seen_at = time.monotonic()

    def is_lost(self) -> bool:
        """Say whether messages go out and none comes in."""
        return time.monotonic() - self.seen_at > PATIENCE


def probe_register(probe: Probe) -> None:
    """Let this process receive and answer its own messages, on a queue that goes with it."""
    arguments = {"x-queue-type": "classic", "x-expires": int(PATIENCE * 10_000)}
    app.amqp.queues.add(Queue(probe.queue, routing_key=probe.queue, queue_arguments=arguments))
    app.task(name=TASK, ignore_result=True)(probe.seen)


def probe_forget(probe: Probe) -> None:
    """Remove the queue, where the broker is there to do so."""
    with suppress(KombuError, BrokerError, OSError), app.connection_for_write() as connection:
        Queue(probe.queue, channel=connection.default_channel).delete()
