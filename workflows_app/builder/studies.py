"""What the check of a draft finds, kept for the requests of one page that ask for it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows_app.builder.fixes import fix_label
from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.check import definition_study
from workflows_app.core.definition.expression_rules import Names
from workflows_app.definition_hooks import problems_of
from workflows_app.models import Workflow

JSON = Any
RECENT = 8  # drafts whose studies are kept
FIXES_LIMIT = 50  # problems of one draft that are shown with their fix


@dataclass(frozen=True, slots=True)
class Study:
    """The problems of a draft, errors first, and what the expressions of each step may name."""

    problems: list[dict[str, JSON]]
    names: Mapping[str, Names]


class _Recent:
    """The newest studies of this process; replaced as a whole, so that threads may share it."""

    studies: tuple[tuple[tuple[JSON, ...], Study], ...] = ()


def study_of(workflow: Workflow, context: CheckContext) -> Study:
    """Study a draft; the same draft with the same things around it is studied once."""
    asked = (workflow.pk, workflow.revision, workflow.draft, context)
    for key, known in _Recent.studies:
        if key == asked:
            return known
    study = _study(workflow.draft, context)
    _Recent.studies = ((asked, study), *_Recent.studies)[:RECENT]
    return study


def _study(draft: JSON, context: CheckContext) -> Study:
    checked, names = definition_study(draft, context)
    found = [*checked.problems, *(problems_of(draft) if checked.digest else ())]
    problems = sorted((problem.as_json() for problem in found), key=_weight)
    for problem in problems[:FIXES_LIMIT]:
        label = fix_label(draft, problem, context)
        if label is not None:
            problem["fix"] = {"label": label}
    return Study(problems, names)


def _weight(problem: Mapping[str, JSON]) -> bool:
    return bool(problem["severity"] != "error")
