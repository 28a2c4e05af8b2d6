"""How an export looks: lines of JSON, a table, or an event log for process mining."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from xml.sax.saxutils import quoteattr

import rfc8785

COLUMNS = (
    "position", "at", "actor", "type", "object", "path", "generation", "from", "to", "trigger",
    "why", "run", "sequence", "source", "id", "workspace", "data", "data_digest", "previous",
    "hash",
)  # fmt: skip
# A spreadsheet reads a cell that begins so as a formula.
FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]")
ILLEGAL_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

XES_BEGIN = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
<global scope="trace"><string key="concept:name" value=""/></global>
<global scope="event"><string key="concept:name" value=""/>\
<date key="time:timestamp" value="1970-01-01T00:00:00.000000Z"/>\
<string key="lifecycle:transition" value="complete"/></global>
<classifier name="Activity" keys="concept:name"/>
"""


def jsonl_lines(records: Iterable[dict[str, Any]], *, head: dict[str, Any]) -> Iterator[bytes]:
    """Give each record as a line of canonical JSON.

    Args:
        records: with `previous` and `hash`.
        head: {"position", "hash"} of the end of the export, repeated on every line so that a
            cut tail shows.
    """
    for record in records:
        yield rfc8785.dumps({**record, "head": head}) + b"\n"


def csv_lines(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Give a header and each record as a row: all cells quoted, none of them a formula."""
    yield _csv(COLUMNS)
    for record in records:
        yield _csv(_cell(record[name]) for name in COLUMNS)


def xes_lines(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Give an XES log: a trace for each run, an event for each of its records.

    Args:
        records: of runs only, those of one run together and in order.
    """
    yield XES_BEGIN.encode()
    for run, events in groupby(records, key=lambda record: record["run"]):
        yield f"<trace>\n{_xes('string', 'concept:name', run)}\n".encode()
        for record in events:
            yield _event(record).encode()
        yield b"</trace>\n"
    yield b"</log>\n"


def activity(record: dict[str, Any]) -> str:
    """Name what happened: `approval.decided`, `step.started draft`, `step.ended draft:done`."""
    type_, path = record["type"], record["path"]
    if not type_.startswith("step.") or not path:
        return type_
    if type_ != "step.ended":
        return f"{type_} {path}"
    return f"{type_} {path}:{_port(record) or record['to']}"


def _port(record: dict[str, Any]) -> str:
    data = record["data"]
    return (data.get("port") or "") if isinstance(data, dict) else ""


def _event(record: dict[str, Any]) -> str:
    texts = {name: record[name] for name in ("type", "path", "from", "to", "trigger", "why")}
    texts["port"] = _port(record)
    parts = [
        _xes("string", "concept:name", activity(record)),
        _xes("string", "org:resource", record["actor"]),
        _xes("date", "time:timestamp", record["at"]),
        _xes("string", "lifecycle:transition", "complete"),
        *(_xes("string", name, value) for name, value in texts.items() if value),
        _xes("int", "sequence", record["sequence"]),
        _xes("int", "position", record["position"]),
    ]
    return f"<event>{''.join(parts)}</event>\n"


def _xes(kind: str, key: str, value: Any) -> str:
    text = ILLEGAL_XML.sub("\ufffd", str(value))
    return f"<{kind} key={quoteattr(key)} value={quoteattr(text)}/>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"'{value}" if FORMULA.search(value) else value


def _csv(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
