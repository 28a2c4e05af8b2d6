"""The gallery's files agree with each other and with their pages."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from workflows_app.agents.tools import python_tools
from workflows_app.gallery import tools  # noqa: F401 registers the sample tools
from workflows_app.gallery.catalog import HERE, groups_named, in_order_of_need, samples

PAGES = HERE.parents[1] / "docs" / "patterns"
ALL = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.slug)


def page_of(slug: str) -> str:
    return (PAGES / f"{slug}.md").read_text("utf-8")


def every_value(value):
    yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from every_value(part)


def test_every_definition_is_in_the_index_and_has_a_page():
    files = {path.stem for path in (HERE / "definitions").glob("*.json")}
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}

    assert files == pages == {sample.slug for sample in samples()}


def test_every_pattern_that_a_run_can_show_has_a_workflow():
    shown = {pattern for sample in samples() for pattern in sample.patterns}
    counts = {"A": 11, "B": 5, "C": 4, "D": 13, "E": 5, "F": 4, "G": 6, "H": 9}

    wanted = {f"{letter}{n}" for letter, count in counts.items() for n in range(1, count + 1)}
    assert wanted - shown == set()


@ALL
def test_each_example_satisfies_the_input_schema(sample):
    schema = sample.definition["input"]
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    assert sample.sample == schema["examples"][0]
    assert [list(validator.iter_errors(example)) for example in schema["examples"]] == [
        [] for _ in schema["examples"]
    ]


@ALL
def test_each_tool_that_is_named_exists(sample):
    named = {
        tool
        for value in every_value(sample.definition)
        if isinstance(value, dict) and isinstance(tool := value.get("tool"), str)
    }

    assert named <= set(python_tools())


@ALL
def test_excerpts_of_the_page_are_the_definitions_own_words(sample):
    values = list(every_value(sample.definition))
    excerpts = re.findall(r"```json\n(.*?)```", page_of(sample.slug), re.DOTALL)

    assert excerpts
    assert [text for text in excerpts if json.loads(text) not in values] == []


@ALL
def test_the_page_names_the_patterns_of_the_index(sample):
    line = next(row for row in page_of(sample.slug).splitlines() if row.startswith("Patterns: "))

    assert re.findall(r"\b[A-I]\d{1,2}\b", line) == list(sample.patterns)


def test_links_of_the_documentation_lead_to_files():
    root = HERE.parents[1]
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in [root / "README.md", root / "CONTRIBUTING.md", *root.glob("docs/**/*.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists() and target != "docs/images/run.png"
    ]

    assert broken == []


def test_a_workflow_comes_after_those_that_it_runs():
    order = [sample.slug for sample in in_order_of_need()]

    assert order.index("customer-profile") < order.index("customer-case")


def test_groups_that_gates_ask_are_collected():
    assert {"reviewers", "refund-approvers", "support"} <= set(groups_named())


def test_pages_hold_no_tabs_and_end_with_a_newline():
    texts = {path.name: path.read_text("utf-8") for path in Path(PAGES).glob("*.md")}

    assert [name for name, text in texts.items() if "\t" in text or not text.endswith("\n")] == []
