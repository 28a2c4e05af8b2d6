"""Where other apps tell the definition services what only they know.

The engine imports no other app: `agents` says which tools and models there are and pins
them, and whoever keeps triggers hears that a version was published.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workflows_app.core.definition import Problem
from workflows_app.models import User, Workflow, WorkflowVersion, Workspace

JSON = Any
Facts = Callable[[Workspace], Mapping[str, Any]]
Pins = Callable[[Workspace, Mapping[str, JSON]], Mapping[str, JSON]]
Published = Callable[[WorkflowVersion, User], None]
Publishing = Callable[[Workflow, WorkflowVersion | None, User], None]
Check = Callable[[Mapping[str, JSON]], Iterable[Problem]]
_facts: list[Facts] = []
_checks: list[Check] = []
_pins: list[Pins] = []
_published: list[Published] = []
_publishing: list[Publishing] = []


def register_check_facts(function: Facts) -> None:
    """Add what a check knows: `function(workspace)` gives fields of `CheckContext`.

    Such as `{"tools": {name: ToolFacts}, "models": frozenset(roles)}`.
    """
    if function not in _facts:
        _facts.append(function)


def register_check(function: Check) -> None:
    """Add problems that only an app can see: `function(document)` gives them."""
    _checks.append(function)


def register_pins(function: Pins) -> None:
    """Add what publishing pins: `function(workspace, expanded)` gives parts of a version's pins.

    Such as `{"tools": {name: version id}, "models": {role: model id}}`.
    """
    _pins.append(function)


def register_publishing(function: Publishing) -> None:
    """Call `function(workflow, newest, actor)` before the draft becomes a version.

    It raises what refuses that; `newest` is the version before, if there is one.
    """
    if function not in _publishing:
        _publishing.append(function)


def register_published(function: Published) -> None:
    """Call `function(version, actor)` in the transaction that publishes a version."""
    _published.append(function)


def check_facts(workspace: Workspace) -> dict[str, Any]:
    """Give what all apps know for a check."""
    found: dict[str, Any] = {}
    for function in _facts:
        found |= function(workspace)
    return found


def problems_of(document: JSON) -> tuple[Problem, ...]:
    """Give what the apps find wrong with a document."""
    if not isinstance(document, Mapping):
        return ()
    return tuple(problem for check in _checks for problem in check(document))


def pins_of(workspace: Workspace, expanded: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give what all apps pin for a definition."""
    found: dict[str, JSON] = {}
    for function in _pins:
        found |= function(workspace, expanded)
    return found


def publishing_check(workflow: Workflow, newest: WorkflowVersion | None, actor: User) -> None:
    """Let every app say no to publishing a draft."""
    for function in _publishing:
        function(workflow, newest, actor)


def version_published(version: WorkflowVersion, actor: User) -> None:
    """Tell everyone who asked that a version was published."""
    for function in _published:
        function(version, actor)
