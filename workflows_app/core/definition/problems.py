"""What a check finds, and what it has to know beside the definition itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workflows_app.core.definition.models import Definition

JSON = Any
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; an error blocks publishing, a warning does not.

    `code` is stable; `step` is the step's id, with those of the steps around it, joined by
    dots, or None; `pointer` is a JSON pointer into the definition.
    """

    severity: Severity
    code: str
    step: str | None
    pointer: str
    message: str

    def as_json(self) -> dict[str, JSON]:
        """Give the problem as the API shows it."""
        return {
            "severity": self.severity,
            "code": self.code,
            "step": self.step,
            "pointer": self.pointer,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFacts:
    """What a check has to know of a tool."""

    input: Mapping[str, JSON] = field(default_factory=dict)
    output: Mapping[str, JSON] | bool | None = None
    effect: str = "irreversible"
    has_undo: bool = False
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFacts:
    """What a check has to know of another workflow: its newest published version."""

    input: Mapping[str, JSON] | bool = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What lies outside the definition; None means: do not check that.

    Args:
        groups: the active members of each group.
        slug: of the workflow itself, which may call itself.
        editors: people who may not decide in live runs because they edited this version.
        calendars: business calendars that a gate's times may count by.
    """

    tools: Mapping[str, ToolFacts] | None = None
    models: frozenset[str] | None = None
    groups: Mapping[str, frozenset[str]] | None = None
    users: frozenset[str] | None = None
    workflows: Mapping[str, WorkflowFacts] | None = None
    slug: str | None = None
    editors: frozenset[str] | None = None
    calendars: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The outcome of a check; `definition` is there when the document has the right shape."""

    digest: str | None
    problems: tuple[Problem, ...]
    definition: Definition | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that block publishing."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def is_valid(self) -> bool:
        """Whether the definition may be published."""
        return not self.errors


class Findings:
    """Gathers problems in the order in which they are found, each once, and not too many."""

    LIMIT = 500

    def __init__(self) -> None:
        self.problems: dict[tuple[str, str, str], Problem] = {}

    def add(
        self,
        code: str,
        message: str,
        *,
        pointer: str,
        step: str | None = None,
        severity: Severity = "error",
    ) -> None:
        """Note a problem."""
        if len(self.problems) < self.LIMIT:
            key = (code, pointer, message)
            self.problems.setdefault(key, Problem(severity, code, step, pointer, message))
