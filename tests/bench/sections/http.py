"""The same through the API: `POST runs?wait=5` on a connection that stays open."""

import json
import os
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.bench.definitions import chain
from tests.bench.figures import Figure
from tests.bench.subject import Subject, milliseconds

WARM, TIMES = 10, 40


def measure(rounds: int) -> list[Figure]:
    """Time the whole request."""
    subject = Subject(chain(3))
    address = urlsplit(os.environ["BENCH_ADDRESS"])
    connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
    path = f"/api/v1/workflows/{subject.workflow.slug}/runs?wait=5"
    headers = {
        "Authorization": f"Bearer {os.environ['BENCH_TOKEN']}",
        "Content-Type": "application/json",
    }

    def once() -> None:
        connection.request("POST", path, json.dumps({"input": {"n": 0}}), headers)
        answer = connection.getresponse()
        run = json.loads(answer.read())
        assert (answer.status, run["state"]) == (201, "succeeded"), run

    values = [milliseconds(once) for _ in range(WARM + TIMES)][WARM:]
    return [
        Figure(
            section="http",
            name="three no-op steps, POST runs?wait=5",
            unit="ms",
            values=values,
            target=12,
        )
    ]
