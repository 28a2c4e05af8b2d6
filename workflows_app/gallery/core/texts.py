"""Read texts without a model: checks of a notice, facts of a document."""

import re
from typing import Any

_FIELD = re.compile(r"^\s*([A-Z][A-Za-z ]{1,30}):\s*(.{1,200})$", re.MULTILINE)
_AMOUNT = re.compile(r"\b(\d{1,3}(?:,\d{3})*(?:\.\d{2})|\d+\.\d{2})\b")
_DATE = re.compile(r"\b(\d{4}-\d{2}-\d{2})\b")


def check_text(text: str, *, must_mention: list[str], most_words: int) -> dict[str, Any]:
    """Give `{score, findings, words}`; the score is the share of the checks that passed."""
    words = len(text.split())
    missing = [name for name in must_mention if name.casefold() not in text.casefold()]
    findings = [f"It does not mention {name}." for name in missing]
    if words > most_words:
        findings.append(f"It has {words} words; at most {most_words} are allowed.")
    if not words:
        findings.append("It is empty.")
    checks = len(must_mention) + 2
    return {
        "score": round((checks - len(findings)) / checks, 4),
        "findings": " ".join(findings),
        "words": words,
    }


def extract(text: str) -> dict[str, Any]:
    """Give `{fields, amounts, dates, words, summary}` of a document."""
    fields = {name.strip().lower(): value.strip() for name, value in _FIELD.findall(text)}
    amounts = [float(found.replace(",", "")) for found in _AMOUNT.findall(text)]
    dates = _DATE.findall(text)
    words = len(text.split())
    return {
        "fields": fields,
        "amounts": amounts,
        "dates": dates,
        "words": words,
        "summary": f"{words} words, {len(amounts)} amounts, {len(dates)} dates,"
        f" fields: {', '.join(fields) or 'none'}.",
    }
