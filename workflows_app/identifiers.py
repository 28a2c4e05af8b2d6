"""Identifiers that sort by the time they were made, so that indexes grow at one end."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """Give a UUID version 7 (RFC 9562, section 6.2, method 3).

    48 bits of milliseconds, 12 bits of the millisecond's fraction, so that those made one after
    the other sort so too, and 62 random bits.
    """
    milliseconds, fraction = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 7 << 76 | (fraction * 4096 // 1_000_000) << 64
    value |= 2 << 62 | int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=value)
