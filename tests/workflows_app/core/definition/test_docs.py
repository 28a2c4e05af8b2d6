"""The pages about definitions say what the code does."""

import re
from pathlib import Path

from workflows_app.core.expressions import ExpressionProblem
from workflows_app.core.kinds import kinds
from workflows_app.steps import _KINDS

ROOT = Path(__file__).parents[4]
CODE = ROOT / "workflows_app" / "core"


def sources(folder):
    return "\n".join(path.read_text() for path in sorted((CODE / folder).glob("*.py")))


def test_every_code_of_a_problem_is_on_its_page():
    page = (ROOT / "docs" / "definition-format.md").read_text()
    codes = set(re.findall(r'findings\.add\(\s*"(\w+)"', sources("definition")))

    assert len(codes) > 30
    missing = {code for code in codes if f"`{code}`" not in page}
    assert missing <= {"expression_not_allowed", "json_type"}  # with the expressions; as json_*


def test_every_code_of_an_expression_is_on_its_page():
    page = (ROOT / "docs" / "expressions.md").read_text()
    codes = set(re.findall(r'"((?:expression|template)_\w+)"', sources("expressions")))
    codes -= {"expression_refs"}  # a function

    assert len(codes) > 10
    assert {code for code in codes if f"`{code}`" not in page} == set()
    assert all(code in ExpressionProblem.__doc__ for code in codes if "_syntax" in code)


def test_every_kind_of_the_engine_is_on_its_page():
    page = (ROOT / "docs" / "kinds.md").read_text()
    shown = [kind.name for kind in _KINDS if not kind.is_hidden]

    assert {name for name in shown if f"| `{name}` |" not in page} == set()
    assert set(shown) <= set(kinds())
