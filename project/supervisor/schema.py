"""Is the database as this release wants it? Answered by one query, without loading Django."""

import hashlib
from pathlib import Path

import django
import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
# What `manage.py prepare` brings into the database.
SOURCES = (
    "workflows_app/**/migrations/*.py",
    "approvals_app/**/migrations/*.py",
    "workflows_app/gallery/**/*.py",
    "workflows_app/gallery/**/*.json",
)
READ = "SELECT obj_description(to_regclass('django_migrations'), 'pg_class')"


def fingerprint() -> str:
    """Return a digest of everything that `prepare` depends on."""
    digest = hashlib.sha256(django.__version__.encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_prepared(url: str) -> bool:
    """Say whether this very release has prepared the database; raises psycopg's errors."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(READ).fetchone()
    return bool(row and row[0] == fingerprint())


def mark_prepared(url: str, release: str) -> None:
    """Remember that a release (its `fingerprint` from before it began) has prepared the database.

    Files that were exchanged meanwhile are another release's, whose migrations did not run.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"COMMENT ON TABLE django_migrations IS '{release}'")
