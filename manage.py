#!/usr/bin/env python
"""Run one of the product's commands."""

import gc
import os
import sys

LASTING = ("web", "worker", "scheduler")
ROLES = ("serve", *LASTING)
PREPARING = ("prepare", "migrate")  # they may hold locks for as long as it takes


def main() -> None:
    """Name the role for the database's own list of connections, then hand over to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in ROLES:
        os.environ["COUNTERSIGN_ROLE"] = command
    elif command in PREPARING:
        os.environ["COUNTERSIGN_ROLE"] = "prepare"
    if command in LASTING:
        gc.disable()  # until it has loaded: see project/roles/loading.py
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
