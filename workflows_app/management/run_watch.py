"""Watching runs from a terminal, and answering the gates of one's own rehearsal."""

from collections import Counter
from collections.abc import Callable
from importlib import import_module
from threading import Event
from time import monotonic
from typing import Any

from django.core.management.base import OutputWrapper
from django.db import connection
from django.db.models import Count

from workflows_app.core.states import RUN_TERMINAL, STEP_ENDED
from workflows_app.errors import DomainError
from workflows_app.models import Run, StepRun, User
from workflows_app.selectors.people import principal_of_user

ENDED = frozenset(state.value for state in RUN_TERMINAL)
DONE = frozenset(state.value for state in STEP_ENDED)
LOOK = 0.5  # seconds between two looks


class Watch:
    """Prints a line for each change until all runs have ended."""

    def __init__(self, runs: list[Run], out: OutputWrapper, *, answers_as: User | None) -> None:
        self.ids = [run.pk for run in runs]
        self.out = out
        self.answers_as = answers_as
        self.shown = ""
        self.refused: set[str] = set()

    def until_ended(self, deadline: float) -> bool:
        """Watch until all ended (True) or the monotonic clock reaches `deadline`."""
        while True:
            open_ids = self._look()
            if not open_ids:
                return True
            if monotonic() >= deadline:
                return False
            if self.answers_as is not None:
                self._answer(self.answers_as, open_ids)
            connection.close()  # nothing is held while nothing happens
            Event().wait(LOOK)

    def _look(self) -> list[Any]:
        runs = list(Run.objects.filter(pk__in=self.ids).values_list("pk", "state"))
        steps = Counter[str]()
        counted = StepRun.objects.filter(run_id__in=self.ids, is_current=True)
        for state, count in counted.values_list("state").annotate(n=Count("pk")).order_by():
            steps["done" if state in DONE else "open"] += count
        states = Counter(state for _, state in runs)
        names = ", ".join(f"{n} {s}" if len(runs) > 1 else s for s, n in sorted(states.items()))
        line = f"steps {steps['done']}/{steps['done'] + steps['open']}  {names}"
        if line != self.shown:
            self.out.write(line + "\n")
            self.out.flush()
            self.shown = line
        return [pk for pk, state in runs if state not in ENDED]

    def _answer(self, person: User, run_ids: list[Any]) -> None:
        """Approve what these rehearsals ask; the service checks that this person may."""
        requests = import_module("approvals_app.models").ApprovalRequest.objects
        decide: Callable[..., Any] = import_module("approvals_app.services.decide").approval_decide
        who = principal_of_user(person, via="command")
        pending = requests.filter(run_id__in=run_ids, state="pending").order_by("pk")
        for request in pending:
            if str(request.pk) in self.refused:
                continue
            try:
                decide(
                    approval_id=request.pk,
                    actor=who,
                    via="page",
                    decision="approve",
                    digest=request.digest,
                    reason="Answered in a rehearsal from the command line",
                    undo_seconds=0,
                )
                self.out.write(f"approved {request.path}\n")
            except DomainError as error:
                self.refused.add(str(request.pk))
                self.out.write(f"{request.path}: {error.message}\n")


def accuracy_of(output: Any) -> float | None:
    """Find `accuracy` in a run's output, at its top or one level below."""
    if not isinstance(output, dict):
        return None
    for value in (output, *output.values()):
        found = value.get("accuracy") if isinstance(value, dict) else None
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
    return None
