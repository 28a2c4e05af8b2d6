"""Prove an export alone, without the database that it came from."""

import json
from collections.abc import Iterable
from typing import Any

import rfc8785

from workflows_app.evidence.core.checks import Verdict, Walk
from workflows_app.evidence.core.records import BESIDE, Link


def export_verify(lines: Iterable[bytes]) -> Verdict:
    """Walk an exported JSONL file from its first line; any changed byte of a record shows."""
    walk, head = Walk(), None
    for ended in lines:
        line = ended.rstrip(b"\r\n")
        if not line:
            continue
        parsed = _parse(line)
        if parsed is None:
            walk.fail(walk.position + 1, "its line was changed, or is no line of an export")
            break
        link, canonical, own_head = parsed
        head = head or own_head
        if own_head != head:
            walk.fail(walk.position + 1, "it names another head than the first line")
            break
        if not walk.step(link, canonical):
            break
    if head is not None:
        walk.end(head)
        if walk.position > head[0]:
            walk.fail(head[0] + 1, "it lies beyond the head of the export")
    return walk.verdict()


def _parse(line: bytes) -> tuple[Link, bytes, tuple[int, str]] | None:
    """Give (link, canonical record, head) of a line, or None when it is not in our form."""
    try:
        value: dict[str, Any] = json.loads(line)
        if rfc8785.dumps(value) != line:
            return None
        record = {name: member for name, member in value.items() if name not in BESIDE}
        link = Link(
            position=value["position"],
            previous=bytes.fromhex(value["previous"]),
            hash=bytes.fromhex(value["hash"]),
            record_hash=None,
        )
        head = (value["head"]["position"], value["head"]["hash"])
        return link, rfc8785.dumps(record), head
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
