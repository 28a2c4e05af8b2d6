"""Which requests are looked at all the same: arbitrary, but the same for everybody who counts."""

import hashlib

WHOLE = 2**32


def draw(*parts: object) -> float:
    """Give a number from 0 up to 1 that depends on nothing but the parts."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / WHOLE


def is_drawn(share: float, *parts: object) -> bool:
    """Tell whether these parts are among a share of all."""
    return draw(*parts) < share
