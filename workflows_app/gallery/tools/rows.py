"""Counting and checking without a model: `samples.*`."""

from typing import Any, TypedDict

from workflows_app.agents.tools import tool
from workflows_app.gallery.core import rows, texts


class Group(TypedDict):
    """The items that share a value, with a few of their texts."""

    key: str
    count: int
    share: float
    sample: list[str]


class Groups(TypedDict):
    """All groups, largest first."""

    groups: list[Group]
    count: int
    total: int
    missing: int
    headline: str


class Mistake(TypedDict):
    """How often one value was given where another was expected."""

    expected: str
    given: str
    count: int


class Accuracy(TypedDict):
    """How often the given value was the expected one."""

    checked: int
    correct: int
    accuracy: float | None
    confidence: float | None
    mistakes: list[Mistake]


class Check(TypedDict):
    """How a notice passed its checks."""

    score: float
    findings: str
    words: int


@tool("samples.group_by", effect="none")
def group_by(
    items: list[dict[str, Any] | None], field: str, show: str = "text", sample: int = 5
) -> Groups:
    """Group items by a field, largest group first, with a few texts of each."""
    return rows.group_by(items, field=field, show=show, sample=sample)


@tool("samples.accuracy", effect="none")
def accuracy(
    items: list[dict[str, Any] | None], given: str = "label", expected: str = "category"
) -> Accuracy:
    """Compare a given value with the expected one, where there is one."""
    return rows.accuracy(items, given=given, expected=expected)


@tool("samples.check_text", effect="none")
def check_text(text: str, must_mention: list[str], most_words: int = 60) -> Check:
    """Check a notice: what it must mention, and how long it may be."""
    return texts.check_text(text, must_mention=must_mention, most_words=most_words)
