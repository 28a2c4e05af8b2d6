"""What the machine itself takes: one commit, one message."""

import redis
from django.conf import settings

from tests.bench.figures import Figure
from tests.bench.subject import Watcher, milliseconds

TIMES = 200


def measure(rounds: int) -> list[Figure]:
    """Time a commit of one row, and a message that is put into the broker and taken out."""
    watcher = Watcher()
    watcher.connection.execute("CREATE TABLE bench_row (id bigserial PRIMARY KEY, n int)")
    insert = "INSERT INTO bench_row (n) VALUES (%s) RETURNING id"
    commits = [milliseconds(lambda: watcher.rows(insert, 1)) for _ in range(TIMES)]
    watcher.connection.execute("DROP TABLE bench_row")
    broker = redis.Redis(unix_socket_path=settings.BROKER_URL.removeprefix("redis+socket://"))

    def message() -> None:
        broker.lpush("bench", b"one")
        assert broker.brpop(["bench"], timeout=5)

    messages = [milliseconds(message) for _ in range(TIMES)]
    return [
        Figure(section="raw", name="one-row commit", unit="ms", values=commits),
        Figure(section="raw", name="message in and out of the broker", unit="ms", values=messages),
    ]
