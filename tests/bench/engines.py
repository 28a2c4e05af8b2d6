"""The other engines, in their own environment, on the same PostgreSQL."""

import json
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from project.environment import embedded_database_url
from tests.bench.figures import Figure

ENGINES = ("dbos", "langgraph")
HERE = Path(__file__).parent
# What each script prints: key -> (name, unit, is a rate)
WORK = {
    "chain": ("three no-op steps, one run", "ms", False),
    "many": ("three no-op steps, 1,000 runs one by one", "runs/s", True),
    "calls": ("five calls of 500 ms, 50 runs at once", "s", False),
    "map": ("map of 100 calls of 80 ms, unlimited", "ms", False),
    "nothing": ("map of 1,000 no-op items", "ms", False),
}


class SectionFailed(Exception):
    """A section could not be measured; the message is what its process printed."""


def engine_measure(name: str, home: Path, python: str, rounds: int) -> list[Figure]:
    """Run one engine on a database of its own and return its figures."""
    address = _database(embedded_database_url(home), f"bench_{name}")
    command = [python, str(HERE / "others" / f"{name}_work.py"), address, str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600)
    if done.returncode:
        raise SectionFailed(f"{name} failed:\n{done.stdout}\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return [
        Figure(section=name, engine=name, name=title, unit=unit, values=found[key], is_rate=is_rate)
        for key, (title, unit, is_rate) in WORK.items()
    ]


def _database(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        parts = connection.info
        return f"postgresql://{parts.user}@/{name}?host={parts.host}"
