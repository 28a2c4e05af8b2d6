"""Finding personal data in text by its shape, and replacing it by typed placeholders.

What has a checksum is checked, so that an order number is no card number.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

KINDS = (
    "email", "phone", "card", "iban", "name", "address", "ip", "date_of_birth", "passport", "ssn"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data: its kind, and where it stands."""

    kind: str
    start: int
    end: int


def _luhn(digits: str) -> bool:
    numbers = [int(digit) for digit in reversed(digits)]
    doubled = (number * 2 - 9 if number > 4 else number * 2 for number in numbers[1::2])
    return (sum(numbers[0::2]) + sum(doubled)) % 10 == 0


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and _luhn(digits)


def _is_iban(text: str) -> bool:
    plain = re.sub(r"\s", "", text).upper()
    if not 15 <= len(plain) <= 34:
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 7 <= len(digits) <= 15 and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)


def _is_ip(text: str) -> bool:
    return all(int(part) < 256 for part in text.split("."))


def _any(text: str) -> bool:
    return True


_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Sir|Madam)\.?"
_NAME = r"[A-ZÀ-Þ][\w'’-]+"
_INTRODUCED = r"(?:[Mm]y name is|[Nn]ame:|[Ii] am called|[Ss]igned,?|[Rr]egards,?|[Dd]ear)"
_STREET = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Square|Sq|Court|Ct"
    r"|Way|Place|Pl|straße|strasse|weg|platz|gasse|rue|via|calle)"
)
# In the order in which they win where two claim the same text.
_PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"), _any),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _is_iban),
    ("card", re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])"), _is_card),
    ("ssn", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), _any),
    ("ip", re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), _is_ip),
    (
        "date_of_birth",
        re.compile(
            r"(?i:born(?: on)?|date of birth|birthday|dob)\W{0,3}[\w./-]{2,}(?: \w+ \d{4})?"
        ),
        lambda text: any(char.isdigit() for char in text),
    ),
    (
        "passport",
        re.compile(r"(?i:passport(?: number| no\.?)?)\W{0,3}[A-Z0-9]{6,9}\b"),
        lambda text: any(char.isdigit() for char in text),
    ),
    (
        "phone",
        re.compile(
            r"(?<![\w.-])(?<!\d )(?:"
            r"(?:\+|00)\d[\d ()/.-]{5,18}\d"
            r"|\(?0\d{1,4}\)?[ /-]\d[\d /-]{4,12}\d"
            r"|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}"
            r")(?!\w)"
        ),
        _is_phone,
    ),
    (
        "address",
        re.compile(
            rf"\b\d{{1,5}}[a-z]? (?:[A-ZÀ-Þ][\w'’-]* ){{1,3}}{_STREET}\b\.?"
            rf"|\b[A-ZÀ-Þ][\w'’-]*(?:straße|strasse|weg|platz|gasse) \d{{1,4}}[a-z]?\b"
        ),
        _any,
    ),
    ("name", re.compile(rf"\b{_TITLE} (?:{_NAME}\s?){{1,3}}"), _any),
)  # fmt: skip
_INTRODUCTION = re.compile(rf"{_INTRODUCED}\s+({_NAME}(?: {_NAME}){{0,2}})")


def personal_data_find(text: str, kinds: Collection[str] = KINDS) -> list[Found]:
    """Give every piece of personal data of these kinds, in order, none overlapping."""
    found: list[Found] = []
    for candidate in _candidates(text):
        if candidate.kind not in kinds:
            continue
        if all(candidate.end <= one.start or candidate.start >= one.end for one in found):
            found.append(candidate)
    return sorted(found, key=lambda one: one.start)


def _candidates(text: str) -> Iterator[Found]:
    for kind, pattern, is_real in _PATTERNS:
        for match in pattern.finditer(text):
            if match.group() and is_real(match.group()):
                yield Found(kind, match.start(), match.start() + len(match.group().rstrip()))
    for match in _INTRODUCTION.finditer(text):
        yield Found("name", match.start(1), match.end(1))


def personal_data_redact(text: str, kinds: Collection[str] = KINDS) -> tuple[str, list[str]]:
    """Give the text with placeholders such as [email], and the kinds that were found."""
    pieces, position, seen = [], 0, []
    for one in personal_data_find(text, kinds):
        pieces += [text[position : one.start], f"[{one.kind}]"]
        position = one.end
        seen.append(one.kind)
    return "".join([*pieces, text[position:]]), seen
