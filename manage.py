#!/usr/bin/env python
"""Run one of the product's commands."""

import os
import sys

ROLES = ("serve", "web", "worker", "scheduler")


def main() -> None:
    """Name the role for the database's own list of connections, then hand over to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    if len(sys.argv) > 1 and sys.argv[1] in ROLES:
        os.environ["COUNTERSIGN_ROLE"] = sys.argv[1]
    if sys.argv[1:] == ["serve"]:  # it needs settings only, and should not wait for the rest
        from project.supervisor.serve import serve  # noqa: PLC0415

        sys.exit(serve())
    run_command()


def run_command() -> None:
    """Run any other command; an absent database is a sentence, not a traceback."""
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415
    from django.db import OperationalError  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"Countersign cannot start. {problem}")
    except OperationalError as problem:
        if "connect" not in str(problem):
            raise
        reason = str(problem).strip().splitlines()[0]
        sys.exit(f"The database does not answer; is Countersign running? {reason}")


if __name__ == "__main__":
    main()
