"""The page of the workflow patterns says what the definitions and the tests show."""

import json
import re
from pathlib import Path

import pytest

from tests.workflow_patterns.driving import definitions
from workflows_app.core.definition.check import definition_check

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "workflow-patterns.md"
ROW = re.compile(
    r"\| (\d+) \| ([^|]+) \| (direct|partial|no) \| ([^|]+) \| \[[^]]+\]\(([^)]+)\) \|"
)


def rows():
    """Give (number, name, score, why, file) of each row of the table."""
    found = map(ROW.fullmatch, PAGE.read_text("utf-8").splitlines())
    return [match.groups() for match in found if match]


def test_every_pattern_has_a_score_a_reason_and_a_definition():
    assert [int(number) for number, *_ in rows()] == list(range(1, 44))
    assert all(len(why) > 30 for _number, _name, _score, why, _path in rows())
    assert [(PAGE.parent / path).resolve() for *_, path in rows()] == [
        path.resolve() for _number, path in sorted(definitions().items())
    ]


def test_at_least_thirty_five_are_direct_and_the_page_counts_them():
    scores = [score for _number, _name, score, _why, _path in rows()]

    assert scores.count("direct") >= 35
    assert f"{scores.count('direct')} are direct, {scores.count('partial')} are partial" in (
        PAGE.read_text("utf-8")
    )
    assert "no" not in scores


def test_every_pattern_has_a_test_of_its_own():
    tests = "".join(path.read_text("utf-8") for path in HERE.glob("test_*.py"))

    missing = [number for number in range(1, 44) if f"def test_wcp_{number}_" not in tests]
    assert missing == []


@pytest.mark.parametrize("number", range(1, 44))
def test_a_definition_has_the_name_of_its_pattern_and_no_error(number):
    document = json.loads(definitions()[number].read_text("utf-8"))
    name = next(name for key, name, *_ in rows() if int(key) == number)

    assert document["name"] == f"WCP-{number} {name}"
    problems = definition_check(document).problems
    assert [one.as_json() for one in problems if one.code != "unknown_workflow"] == []
