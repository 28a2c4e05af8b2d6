"""Encrypting secrets at rest, with a key derived from SECRET_KEY."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealBroken(Exception):
    """The value was encrypted under another SECRET_KEY, or was tampered with."""


@lru_cache(maxsize=4)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"countersign secrets 1")
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))


def seal(value: str) -> bytes:
    """Give the encrypted form of a text."""
    return _fernet(settings.SECRET_KEY).encrypt(value.encode())


def unseal(sealed: bytes) -> str:
    """Give the text back.

    Raises:
        SealBroken: it was not sealed here.
    """
    try:
        return _fernet(settings.SECRET_KEY).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise SealBroken("a secret cannot be read: SECRET_KEY has changed; set it anew") from None
