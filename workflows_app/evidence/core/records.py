"""What a record is, byte for byte, and how one follows another.

A chain is anybody's to check: take a record, write it as RFC 8785 canonical JSON, put the 32
bytes of the previous hash before it, and take SHA-256.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import rfc8785

# Beside some fractions, what json.dumps may write otherwise than RFC 8785: keys beyond ASCII (their
# order), escaped characters, integers beyond 2^53.
SPECIAL = re.compile(r"[^\x00-\x7f]|\\u|[0-9]{16}")
GENESIS = bytes(32)  # what the first record follows
# What is shown with a record, and is no part of what is hashed.
BESIDE = frozenset({"previous", "hash", "head", "missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A stored record, as its row has it. `data` is the JSON text itself."""

    source: str  # run or app
    id: int
    at: datetime
    type: str
    object: str
    actor: str
    why: str
    data: str | None
    owner: UUID | None = None  # the workspace that an app record names; a run's is the chain's
    run: UUID | None = None
    sequence: int | None = None
    path: str = ""
    generation: int | None = None
    from_state: str = ""
    to_state: str = ""
    trigger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A record's place in the chain."""

    position: int
    previous: bytes
    hash: bytes
    record_hash: bytes | None  # of the canonical record alone; None where it is not known


def time_text(at: datetime) -> str:
    """Give RFC 3339 in UTC, always with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record_build(fields: Fields, *, workspace: UUID, position: int) -> tuple[dict[str, Any], bytes]:
    """Give the record and the canonical bytes that are hashed.

    A record that names no workspace stands in the default one's chain, with null.

    `data_digest` is SHA-256 of the stored text of `data`: it tells 1 from 1.0, which canonical
    JSON does not. Data that RFC 8785 has no form for (an integer beyond 2^53) stands in the
    record as its own text.
    """
    owner = workspace if fields.source == "run" else fields.owner
    record = {
        "position": position,
        "workspace": str(owner) if owner else None,
        "source": fields.source,
        "id": fields.id,
        "at": time_text(fields.at),
        "type": fields.type,
        "object": fields.object,
        "run": str(fields.run) if fields.run else None,
        "sequence": fields.sequence,
        "path": fields.path,
        "generation": fields.generation,
        "from": fields.from_state,
        "to": fields.to_state,
        "trigger": fields.trigger,
        "actor": fields.actor,
        "why": fields.why,
        "data": None,
        "data_digest": None,
    }
    if fields.data is None:
        return record, _plain(record)
    record["data_digest"] = sha256(fields.data.encode()).hexdigest()
    try:
        record["data"], is_plain = _data(fields.data)
        return record, _plain(record) if is_plain else rfc8785.dumps(record)
    except (ValueError, RecursionError):
        record["data"] = fields.data
        return record, _plain(record)


def _data(text: str) -> tuple[Any, bool]:
    """Give the value, and whether sorting its keys is all that canonical JSON asks of it."""
    special: list[str] = []

    def note(number: str) -> float:
        value = float(number)
        written = repr(value)  # as ECMAScript does, but for exponents and whole numbers
        if "e" in written or written.endswith((".0", "inf", "nan")):
            special.append(number)
        return value

    value = json.loads(text, parse_float=note, parse_constant=note)
    return value, not special and SPECIAL.search(text) is None


def _plain(record: dict[str, Any]) -> bytes:
    """Give the canonical bytes of a record without special data, several times faster."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def link_next(previous: bytes, canonical: bytes, *, position: int) -> Link:
    """Give the link that puts a record after `previous`."""
    return Link(
        position=position,
        previous=previous,
        hash=sha256(previous + canonical).digest(),
        record_hash=sha256(canonical).digest(),
    )
