"""Count rows: groups by a field, and how often a given value is the expected one."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

ROW = dict[str, Any]


def group_by(items: Iterable[ROW | None], *, field: str, show: str, sample: int) -> dict[str, Any]:
    """Give `{groups: [{key, count, share, sample}], count, total, missing, headline}`.

    The largest group comes first; groups of one size in the order of their names. `sample`
    bounds the texts kept of each group. An item that is null, or without the field, is missing.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    missing = 0
    for item in items:
        if not item or item.get(field) is None:
            missing += 1
        else:
            texts[str(item[field])].append(str(item.get(show, "")))
    total = sum(len(rows) for rows in texts.values())
    ordered = sorted(texts.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    groups = [
        {
            "key": key,
            "count": len(rows),
            "share": round(len(rows) / total, 4),
            "sample": rows[:sample],
        }
        for key, rows in ordered
    ]
    return {
        "groups": groups,
        "count": len(groups),
        "total": total,
        "missing": missing,
        "headline": headline(groups, total),
    }


def headline(groups: list[ROW], total: int) -> str:
    """Say in one line which groups are the largest."""
    if not groups:
        return "Nothing was labelled."
    largest = ", ".join(f"{group['key']} ({group['count']})" for group in groups[:3])
    return f"{total} messages in {len(groups)} groups; the largest: {largest}."


def accuracy(items: Iterable[ROW | None], *, given: str, expected: str) -> dict[str, Any]:
    """Give `{checked, correct, accuracy, confidence, mistakes}`.

    Only items that carry the expected value are checked; `accuracy` is null without one.
    `confidence` is the mean of the items that have a number of that name, else null.
    `mistakes` are the ten most frequent pairs `{expected, given, count}`.
    """
    checked = correct = 0
    pairs: dict[tuple[str, str], int] = defaultdict(int)
    confidences = []
    for item in items:
        if not item:
            continue
        if isinstance(item.get("confidence"), int | float):
            confidences.append(float(item["confidence"]))
        if item.get(expected) is None:
            continue
        checked += 1
        if item.get(given) == item[expected]:
            correct += 1
        else:
            pairs[str(item[expected]), str(item.get(given))] += 1
    worst = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    return {
        "checked": checked,
        "correct": correct,
        "accuracy": round(correct / checked, 4) if checked else None,
        "confidence": round(sum(confidences) / len(confidences), 4) if confidences else None,
        "mistakes": [{"expected": a, "given": b, "count": count} for (a, b), count in worst],
    }
