"""Two texts word by word: what stayed, what went, what came."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

WORDS = re.compile(r"\s+|[^\s\w]|\w+")
MOST_WORDS = 4_000  # beyond it the whole texts are shown, one after the other


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words; `sign` is + or -, or empty for what both have."""

    text: str
    sign: str = ""


def words_diff(before: str, after: str) -> list[Piece]:
    """Give the pieces of both texts in order, neighbours of one sign joined."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    if before == after:
        return [Piece(before)]
    if len(old) + len(new) > MOST_WORDS:
        return [Piece(before, "-"), Piece(after, "+")]
    pieces: list[Piece] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("".join(old[old_from:old_to])))
            continue
        if old_to > old_from:
            pieces.append(Piece("".join(old[old_from:old_to]), "-"))
        if new_to > new_from:
            pieces.append(Piece("".join(new[new_from:new_to]), "+"))
    return pieces
