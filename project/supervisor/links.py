"""The first people's sign-in links: kept until each is used, so that no terminal can lose one.

The database knows only their hashes. They lie in the data folder beside the secret key, which
lets in as much as they do, and go with their use or their 24 hours.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

USABLE = (
    "SELECT digest FROM workflows_app_signinlink "
    "WHERE digest = ANY(%s) AND used_at IS NULL AND expires_at > now()"
)


@dataclass(frozen=True, slots=True)
class Link:
    """Who it lets in, and the last part of its address."""

    name: str
    token: str

    @property
    def digest(self) -> str:
        """Return by what the database knows it."""
        return hashlib.sha256(self.token.encode()).hexdigest()


def links_keep(path: Path, links: Iterable[Link]) -> None:
    """Add links to those that are kept."""
    _write(path, [*_read(path), *links])


def links_left(path: Path, url: str) -> list[Link]:
    """Return the kept links that can still be used, and forget the others."""
    kept = _read(path)
    if not kept:
        return []
    with psycopg.connect(url, connect_timeout=10) as connection:
        rows = connection.execute(USABLE, [[link.digest for link in kept]]).fetchall()
    usable = {row[0] for row in rows}
    left = [link for link in kept if link.digest in usable]
    _write(path, left)
    return left


def _read(path: Path) -> list[Link]:
    with suppress(OSError, ValueError, TypeError):
        return [Link(**link) for link in json.loads(path.read_text())]
    return []


def _write(path: Path, links: list[Link]) -> None:
    if not links:
        path.unlink(missing_ok=True)
        return
    path.touch(mode=0o600)
    path.write_text(json.dumps([asdict(link) for link in links]))
