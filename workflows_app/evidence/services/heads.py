"""Write the heads of the chains outside the database, so that a cut or rewritten tail shows.

One line of JSON for each chain that moved, at most once a minute, into a file under the home
folder; the same goes to the log, which most installations ship elsewhere.
"""

import fcntl
import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import IO
from uuid import UUID

from django.conf import settings

from workflows_app.evidence.core.records import time_text
from workflows_app.evidence.models import Chain

logger = logging.getLogger("countersign.audit")

EVERY = timedelta(minutes=1)
LINE = 1_000  # bytes; more than a line has
_guard = Lock()
_written = {"at": datetime.min.replace(tzinfo=UTC)}  # by this process


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a chain ended once: `hash` is lower-case hex."""

    position: int
    hash: str


def heads_path(workspace: UUID) -> Path:
    """Give a workspace's file of heads: lines {"at", "workspace", "position", "hash"}."""
    return heads_folder() / f"{workspace}.jsonl"


def heads_folder() -> Path:
    """Give the folder of the files of heads, one for each workspace, named by its id."""
    return Path(settings.COUNTERSIGN_HOME) / "audit"


def heads_sweep(now: datetime) -> int:
    """Write the heads once a minute; give how many were new."""
    with _guard:
        if now - _written["at"] < EVERY:
            return 0
        _written["at"] = now
    return heads_write(now)


def heads_write(now: datetime) -> int:
    """Append the head of every chain that moved since its last line."""
    chains = Chain.objects.filter(position__gt=0)
    return sum(
        _write(
            chain.workspace_id,
            Head(position=chain.position, hash=bytes(chain.hash).hex()),
            time_text(now),
        )
        for chain in chains
    )


def heads_read(workspace: UUID) -> list[Head]:
    """Give the heads written for a workspace, oldest first."""
    try:
        with heads_path(workspace).open("rb") as file:
            return [head for line in file if (head := _parse(line))]
    except FileNotFoundError:
        return []


def _write(workspace: UUID, head: Head, at: str) -> bool:
    path = heads_path(workspace)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if _last(file) == head:
            return False
        line: dict[str, str | int] = {"at": at, "workspace": str(workspace)}
        line |= {"position": head.position, "hash": head.hash}
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    logger.info("audit head of %s: #%d %s", workspace, head.position, head.hash)
    return True


def _last(file: IO[bytes]) -> Head | None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LINE))
    lines = file.read().splitlines()
    return _parse(lines[-1]) if lines else None


def _parse(line: bytes) -> Head | None:
    try:
        value = json.loads(line)
        return Head(position=value["position"], hash=value["hash"])
    except (ValueError, KeyError, TypeError):
        logger.warning("a line in a file of audit heads is damaged and was passed over")
        return None
