"""A bell beside the messages: a worker that waits hears of new work at once.

A message passes through many hands before a worker sees it, and a lone run would wait for that
longer than for its own steps. So whoever has work rings: a list of the same broker holds what
for, and one idle worker takes it off. Nothing rests on it. The message follows a moment later,
and finds out whether the bell was heard.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)
KEY = "countersign.bell"
KEPT = 1_000  # rings that nobody took are forgotten, the oldest first
QUIET = 0.01  # seconds between two rings: what comes faster is gathered
AWAY = 1.0  # seconds that a broker which did not answer is left alone
HEARD = 2.0  # seconds that a worker remembers what it was rung for
_TIMEOUT = 0.25  # seconds to wait for an answer, at most
_LISTEN = 5  # seconds of one wait at the list


def _client(timeout: float) -> Redis | None:
    """Give a client of the broker; None where it keeps no lists that one can wait at."""
    url = settings.BROKER_URL.replace("redis+socket://", "unix://", 1)
    if url.partition("://")[0] not in ("redis", "rediss", "unix"):
        return None
    retry = Retry(NoBackoff(), 0)
    return Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=1, retry=retry)


class Bell:
    """The end of the rope: rings, and tells whether it could."""

    def __init__(self) -> None:
        self._client: Redis | None = None
        self._is_made = False
        self._quiet_until = self._away_until = 0.0
        self._lock = threading.Lock()

    def ring_alone(self, run_ids: Collection[UUID]) -> bool:
        """Ring for what comes by itself; False when it had better be gathered first."""
        return time.monotonic() >= self._quiet_until and self.ring(run_ids)

    def ring(self, run_ids: Collection[UUID]) -> bool:
        """Ring; False when the broker has no such list, or does not answer."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._ring(run_ids)
        finally:
            self._lock.release()

    def _ring(self, run_ids: Collection[UUID]) -> bool:
        if not self._is_made:
            self._client, self._is_made = _client(_TIMEOUT), True
        if self._client is None or time.monotonic() < self._away_until:
            return False
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.rpush(KEY, json.dumps([str(run_id) for run_id in run_ids]))
            pipeline.ltrim(KEY, -KEPT, -1)
            pipeline.execute()
        except (RedisError, OSError) as error:
            logger.warning("the bell could not be rung: %s", error)
            self._away_until = time.monotonic() + AWAY
            return False
        self._quiet_until = time.monotonic() + QUIET
        return True


class Ear:
    """Waits at the list in a thread of its own, and remembers for a moment what it heard."""

    def __init__(self, hear: Callable[[list[UUID]], None]) -> None:
        self.hear = hear
        self._heard: dict[UUID, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to listen; with a broker that has no such list there is nothing to do."""
        client = _client(_LISTEN + 5)
        if client is not None:
            threading.Thread(target=self._listen, args=[client], name="bell", daemon=True).start()

    def stop(self) -> None:
        """Take nothing more."""
        self._stop.set()

    def unheard(self, run_ids: Iterable[UUID]) -> list[UUID]:
        """Give those of these runs that the bell was not rung for here lately."""
        with self._lock:
            return [run_id for run_id in run_ids if run_id not in self._heard]

    def forget(self, run_ids: Iterable[UUID]) -> None:
        """What was passed on to another worker may come back as a message."""
        with self._lock:
            for run_id in run_ids:
                self._heard.pop(run_id, None)

    def _listen(self, client: Redis) -> None:
        while not self._stop.is_set():
            try:
                taken = client.blpop([KEY], timeout=_LISTEN)
            except (RedisError, OSError):  # the messages go on, or are heard again with them
                self._stop.wait(AWAY)
                continue
            if taken is not None:
                self._take(taken[1])

    def _take(self, text: bytes | str) -> None:
        try:
            run_ids = [UUID(str(run_id)) for run_id in json.loads(text)]
        except (ValueError, TypeError):
            logger.warning("the bell was rung for nothing known")
            return
        now = time.monotonic()
        with self._lock:
            self._heard = {one: at for one, at in self._heard.items() if at > now - HEARD}
            self._heard |= dict.fromkeys(run_ids, now)
        self.hear(run_ids)
