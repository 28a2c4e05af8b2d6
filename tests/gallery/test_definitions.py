"""Every definition of the gallery passes the checks of publishing, and expands."""

import json

import pytest

from workflows_app.agents.tools import python_tools
from workflows_app.core.definition.check import definition_check
from workflows_app.core.definition.problems import CheckContext, ToolFacts, WorkflowFacts
from workflows_app.core.expand import expand
from workflows_app.core.graph import graphs_compile
from workflows_app.core.kinds import kinds
from workflows_app.gallery import tools  # noqa: F401 registers the sample tools
from workflows_app.gallery.catalog import HERE, groups_named, samples

ALL = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.slug)
# Effects that run without a person, on purpose: they can be undone, or the letter is the point.
UNGATED = {"ungated_effect"}


def context(slug):
    return CheckContext(
        tools={
            name: ToolFacts(
                input=found.spec.input,
                output=found.spec.output,
                effect=found.effect.value,
                has_undo=found.undo is not None,
            )
            for name, found in python_tools().items()
        },
        models=frozenset({"small", "large"}),
        groups={name: frozenset({"ada", "ben"}) for name in groups_named()},
        users=frozenset({"ada", "ben"}),
        workflows={
            sample.slug: WorkflowFacts(input=sample.definition["input"], version=1)
            for sample in samples()
        },
        slug=slug,
    )


@ALL
def test_a_definition_has_no_error(sample):
    checked = definition_check(sample.definition, context(sample.slug))

    assert [p for p in checked.problems if p.severity == "error"] == []
    assert checked.definition is not None


@ALL
def test_a_definition_warns_of_nothing_but_effects_without_a_gate(sample):
    checked = definition_check(sample.definition, context(sample.slug))

    assert [p for p in checked.problems if p.code not in UNGATED] == []


@ALL
def test_a_definition_expands_into_primitives(sample):
    graphs = graphs_compile(expand(sample.definition))

    used = {node.kind.name for graph in graphs.values() for node in graph.nodes.values()}
    assert [name for name in used if kinds()[name].primitive is None] == []


def test_the_first_workflow_of_the_documentation_has_no_problem():
    page = (HERE.parents[1] / "docs" / "first-workflow.md").read_text("utf-8")
    document = json.loads(page.split("```json\n")[1].split("```")[0])

    assert definition_check(document, context("discount")).problems == ()
