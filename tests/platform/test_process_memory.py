"""What the processes of an installation have held, as the system tells it."""

import os
import re
from pathlib import Path

import pytest

from project.supervisor.leftovers import children_note
from workflows_app.management.process_memory import memory_lines, peak_megabytes

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells the peak"
)


def test_each_living_child_has_a_line(tmp_path):
    children_note(tmp_path / "children.json", [os.getpid()])

    (line,) = memory_lines(tmp_path / "children.json")

    assert re.fullmatch(r"\S+ \d+ MB(, the largest of \d+ processes)?", line)


def test_a_process_id_that_was_given_to_another_is_left_out(tmp_path):
    (tmp_path / "children.json").write_text(f'{{"{os.getpid()}": 12.5}}')

    assert memory_lines(tmp_path / "children.json") == []


def test_where_nothing_was_noted_there_is_nothing_to_tell(tmp_path):
    assert memory_lines(tmp_path / "children.json") == []
    assert peak_megabytes(2**22 + 1) is None
