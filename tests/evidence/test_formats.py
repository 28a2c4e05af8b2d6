"""What an export looks like, without a database."""

import csv
import io
from xml.etree import ElementTree

import pytest

from workflows_app.evidence.core.formats import COLUMNS, activity, csv_lines, xes_lines

XES = "{http://www.xes-standard.org/}"


def record(**changes):
    given = dict.fromkeys(COLUMNS, "")
    given |= {"position": 1, "sequence": 1, "generation": 0, "id": 1, "data": None}
    given |= {"run": "r1", "type": "step.ready", "at": "2026-01-05T09:00:00.000000Z"}
    return given | changes


def rows(*records):
    return list(csv.DictReader(io.StringIO(b"".join(csv_lines(records)).decode(), newline="")))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=cmd|' /C calc'!A0", "＝1"],
)
def test_a_cell_is_never_a_formula(text):
    assert rows(record(why=text))[0]["why"] == f"'{text}"


def test_data_that_is_a_text_is_no_formula_either():
    assert rows(record(data="=1"))[0]["data"] == "'=1"
    assert rows(record(data={"a": "=1"}))[0]["data"] == '{"a":"=1"}'


def test_cells_survive_quotes_commas_and_line_ends():
    text = 'he said "no",\r\nthen left'

    assert rows(record(why=text))[0]["why"] == text


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"type": "approval.requested", "path": "issue"}, "approval.requested"),
        ({"type": "approval.decided", "path": "issue"}, "approval.decided"),
        ({"type": "run.ended"}, "run.ended"),
        ({"type": "step.started", "path": "a"}, "step.started a"),
        ({"type": "step.ended", "path": "a", "data": {"port": "done"}}, "step.ended a:done"),
        (
            {"type": "step.ended", "path": "a", "to": "cancelled", "data": {"port": None}},
            "step.ended a:cancelled",
        ),
    ],
)
def test_each_transition_has_an_activity(changes, name):
    assert activity(record(**changes)) == name


def test_an_event_log_is_well_formed_and_has_a_trace_for_each_run():
    log = b"".join(
        xes_lines(
            [
                record(actor='user:"<&>', why="a\x00b\x1b\ud800"),
                record(sequence=2, position=4, actor="engine"),
                record(run="r2", sequence=1, position=3),
            ]
        )
    )

    root = ElementTree.fromstring(log)
    traces = root.findall(f"{XES}trace")
    assert [len(trace.findall(f"{XES}event")) for trace in traces] == [2, 1]
    assert traces[0].find(f"{XES}string").attrib == {"key": "concept:name", "value": "r1"}
    first = {item.get("key"): item.get("value") for item in traces[0].find(f"{XES}event")}
    assert first["org:resource"] == 'user:"<&>'
    assert first["why"] == "a\ufffdb\ufffd\ufffd"
    assert first["time:timestamp"] == "2026-01-05T09:00:00.000000Z"


def test_an_empty_event_log_is_well_formed():
    assert ElementTree.fromstring(b"".join(xes_lines([]))).findall(f"{XES}trace") == []
