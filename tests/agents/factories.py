"""Rows that the tests of agents need."""

from itertools import count

from workflows_app.models import Workspace

_numbers = count(1)


def make_workspace() -> Workspace:
    number = next(_numbers)
    return Workspace.objects.create(slug=f"space-{number}", name=f"Space {number}")
