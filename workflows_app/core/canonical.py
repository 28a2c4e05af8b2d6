"""One way to write a JSON value as bytes, so that equal values have equal digests."""

import hashlib
from typing import Any

import rfc8785

JSON = Any
EXACT = 2**53  # beyond it a double no longer tells neighbouring integers apart


def canonical_bytes(value: JSON) -> bytes:
    """Give the RFC 8785 bytes of a JSON value.

    RFC 8785 writes numbers as doubles. An integer that no double equals is written as text in
    a form that no value of the product has, so that two of them never share a digest.

    Raises:
        ValueError: the value is not JSON (NaN, a lone surrogate, a key that is not text).
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_large_as_text(value))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise ValueError(f"not JSON: {error}") from error


def digest(value: JSON) -> str:
    """Give the SHA-256 of the canonical bytes, in lower-case hex."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def numbers_normalise(value: JSON) -> JSON:
    """Give the value with whole doubles up to 2^53 as integers, as JSON leaves the product."""
    if type(value) is float:
        return number_normalise(value)
    if isinstance(value, list):
        return [numbers_normalise(item) for item in value]
    if isinstance(value, dict):
        return {key: numbers_normalise(item) for key, item in value.items()}
    return value


def number_normalise(value: float) -> float | int:
    """Give a whole double up to 2^53 as an integer, any other as it is."""
    return int(value) if -EXACT <= value <= EXACT and value.is_integer() else value


def _large_as_text(value: JSON) -> JSON:
    if type(value) is int and abs(value) >= EXACT:
        return float(value) if int(float(value)) == value else {"\u0000integer": str(value)}
    if isinstance(value, list):
        return [_large_as_text(item) for item in value]
    if isinstance(value, dict):
        return {key: _large_as_text(item) for key, item in value.items()}
    return value
