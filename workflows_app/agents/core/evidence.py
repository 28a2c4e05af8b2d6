"""What can be read out of a prompt without understanding it: data, words, sentences."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workflows_app.agents.core.labels import stems

JSON = Any
_PAIR = re.compile(r"(?m)^[ \t>*-]*([A-Za-z][A-Za-z0-9 _-]{0,40}?)[ \t]*[:=][ \t]*(\S[^\n]*)$")
_NUMBER = re.compile(
    r"(?<![\w.])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|(?<![\w.])-?\d+(?:\.\d+)?(?![\w])"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_IDENTIFIER = re.compile(r"\b[A-Za-z]{1,6}[-_#]?\d{2,}[A-Za-z0-9-]*\b")
FORMATS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": re.compile(r"https?://[^\s<>\")\]]+"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b"),
    "date-time": re.compile(
        r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})"
    ),
    "uuid": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
}
MAX_DOCUMENTS = 50


@dataclass(frozen=True)
class Evidence:
    """A conversation's texts, newest last."""

    texts: Sequence[str]

    @cached_property
    def whole(self) -> str:
        return "\n".join(self.texts)

    @cached_property
    def named(self) -> dict[str, list[JSON]]:
        """Values by the stems of their names, newest first: from JSON, then `name: value`."""
        found: dict[str, list[JSON]] = {}
        for text in reversed(self.texts):
            for document in documents(text):
                for name, value in _leaves(document):
                    found.setdefault(name_key(name), []).append(value)
            for name, value in _PAIR.findall(text):
                found.setdefault(name_key(name), []).append(value.strip().rstrip(",;"))
        return found

    @cached_property
    def numbers(self) -> list[float]:
        """Every number, newest text first."""
        return [
            float(number.replace(",", ""))
            for text in reversed(self.texts)
            for number in _NUMBER.findall(text)
        ]

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(stems(self.whole))

    @cached_property
    def identifiers(self) -> list[str]:
        return [found for text in reversed(self.texts) for found in _IDENTIFIER.findall(text)]

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences of the first text that are no data."""
        parts = (part.strip() for part in _SENTENCE.split(self.texts[0] if self.texts else ""))
        return [part for part in parts if part and part[0] not in "{[" and len(part) > 2]

    def formatted(self, kind: str) -> list[str]:
        """Every text of that format, such as each e-mail address."""
        pattern = FORMATS.get(kind)
        return pattern.findall(self.whole) if pattern else []

    def near(self, name: str) -> float | None:
        """Give the number that stands closest behind, or before, a word of `name`."""
        for word in re.findall(r"[a-z]{3,}", name.lower()):
            match = re.search(
                rf"\b{word}\w*\D{{0,20}}?(-?\d[\d,]*(?:\.\d+)?)", self.whole, re.IGNORECASE
            )
            if match:
                return float(match.group(1).replace(",", ""))
        return None


def name_key(name: str) -> str:
    """Give one spelling for orderId, order_id and "Order ID"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return "_".join(re.findall(r"[a-z0-9]+", spaced.lower()))


def documents(text: str) -> Iterator[JSON]:
    """Give every JSON object or list that stands in a text."""
    decoder = json.JSONDecoder()
    position, count = 0, 0
    while count < MAX_DOCUMENTS and (match := re.compile(r"[{\[]").search(text, position)):
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            position = match.end()
            continue
        count += 1
        yield value


def _leaves(value: JSON, name: str = "", depth: int = 0) -> Iterator[tuple[str, JSON]]:
    if name:
        yield name, value
    if depth > 8:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, str(key), depth + 1)
    elif isinstance(value, list):
        for item in value[:50]:
            if isinstance(item, dict | list):
                yield from _leaves(item, "", depth + 1)
