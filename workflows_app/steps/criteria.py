"""The single criteria of a condition: what stands between its outermost `||`."""

import re

_PIECE = re.compile(
    r"""r?\"\"\".*?\"\"\"|r?'''.*?'''|r?"(?:\\.|[^"\\])*"|r?'(?:\\.|[^'\\])*'|\|\||[()\[\]{}]|.""",
    re.DOTALL | re.IGNORECASE,
)


def clauses(source: str) -> list[str]:
    """Give the parts of a condition of which any one suffices, in order.

    A text with `||` in it and an inner `||` stay whole; a choice (`a ? b : c`) is one criterion.
    """
    parts, depth, has_choice = [""], 0, False
    for piece in _PIECE.findall(source):
        if piece in "([{":
            depth += 1
        elif piece in ")]}":
            depth -= 1
        has_choice = has_choice or (piece == "?" and depth == 0)
        if piece == "||" and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    found = [part.strip() for part in parts]
    return [source.strip()] if has_choice or not all(found) else found
