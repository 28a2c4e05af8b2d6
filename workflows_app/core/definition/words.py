"""What differs between two texts, word by word; long ones line by line."""

import re
from difflib import SequenceMatcher

WORDS = re.compile(r"\s+|\w+|[^\w\s]")
WORDS_LIMIT = 3_000  # in either text; above it lines are compared, which takes far less time
LINES_LIMIT = 5_000

Part = tuple[str, str]


def word_diff(old: str, new: str) -> list[Part]:
    """Give the parts of both texts in order as (mark, text): `same`, `removed` or `added`.

    Without the removed parts the texts joined are `new`, without the added ones `old`.
    """
    first, second = WORDS.findall(old), WORDS.findall(new)
    if max(len(first), len(second)) > WORDS_LIMIT:
        first, second = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if max(len(first), len(second)) > LINES_LIMIT:
        return _parts([("removed", old), ("added", new)])
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    found: list[Part] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(first[i1:i2])))
        else:
            found += [("removed", "".join(first[i1:i2])), ("added", "".join(second[j1:j2]))]
    return _parts(found)


def _parts(parts: list[Part]) -> list[Part]:
    """Leave empty parts out and join neighbours of the same mark."""
    found: list[Part] = []
    for mark, text in parts:
        if not text:
            continue
        if found and found[-1][0] == mark:
            found[-1] = (mark, found[-1][1] + text)
        else:
            found.append((mark, text))
    return found
