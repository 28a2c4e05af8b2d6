"""Inputs of runs from the command line."""

import pytest
from django.core.management import CommandError

from workflows_app.management.run_inputs import csv_inputs, csv_mapped, input_read
from workflows_app.management.run_watch import accuracy_of

ROW = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "amount": {"type": "number"},
        "urgent": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
    },
}
MANY = {"type": "object", "properties": {"messages": {"type": "array", "items": ROW}}}
CSV = 'text,amount,urgent,note\n"12, please",12.5,true,\nplain,7,false,"two\nlines"\n'


@pytest.fixture
def rows_file(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(CSV, encoding="utf-8-sig")
    return file


def test_cells_are_read_as_the_types_that_the_schema_asks_for(rows_file):
    rows = csv_inputs(rows_file, ROW, is_mapped=False)

    assert rows == [
        {"text": "12, please", "amount": 12.5, "urgent": True, "note": None},
        {"text": "plain", "amount": 7, "urgent": False, "note": "two\nlines"},
    ]


def test_mapped_rows_go_into_the_one_list_of_the_input(rows_file):
    rows = csv_inputs(rows_file, MANY, is_mapped=True, limit=1)

    assert csv_mapped(rows, MANY) == {
        "messages": [{"text": "12, please", "amount": 12.5, "urgent": True, "note": None}]
    }


def test_without_a_schema_every_cell_is_text(rows_file):
    first = csv_inputs(rows_file, {}, is_mapped=False)[0]

    assert first["amount"] == "12.5"


@pytest.mark.parametrize("text", ["", "a,b\n", "a\n1,2\n"])
def test_a_file_without_proper_rows_is_refused(tmp_path, text):
    file = tmp_path / "rows.csv"
    file.write_text(text)

    with pytest.raises(CommandError):
        csv_inputs(file, {}, is_mapped=False)


def test_map_needs_exactly_one_list(rows_file):
    with pytest.raises(CommandError):
        csv_inputs(rows_file, ROW, is_mapped=True)


def test_json_is_read_strictly(tmp_path):
    file = tmp_path / "input.json"
    file.write_text('{"a": NaN}')

    assert input_read('{"a": 1}', None) == {"a": 1}
    assert input_read(None, None) == {}
    for text, path in (("{", None), (None, file), (None, tmp_path / "absent.json")):
        with pytest.raises(CommandError):
            input_read(text, path)


@pytest.mark.parametrize(
    ("output", "accuracy"),
    [
        ({"accuracy": 0.5}, 0.5),
        ({"score": {"accuracy": 1}}, 1.0),
        ({"accuracy": True}, None),
        ([], None),
        (None, None),
    ],
)
def test_accuracy_is_found_where_it_is(output, accuracy):
    assert accuracy_of(output) == accuracy
