"""What never changes while a run goes on, kept in memory: its version's graphs, its input."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Func, IntegerField, When

from workflows_app.core.graph import Graph, graphs_compile
from workflows_app.models import Run, WorkflowVersion

JSON = Any


class Memory[Key, Value]:
    """A bounded map that forgets what was not used for longest; safe between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self.size:
                self._values.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionContext:
    """A version as the engine reads it."""

    id: UUID
    number: int | None
    digest: str
    workflow_id: UUID
    slug: str
    workspace_id: UUID
    expanded: JSON
    graphs: dict[str, Graph]
    pins: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """A run's constants; `input` is parsed when it is first asked for."""

    id: UUID
    number: int
    workspace_id: UUID
    mode: str
    uses_stand_in: bool
    actor: str
    started_by: str | None
    depth: int
    deadline_at: datetime | None
    version: VersionContext
    load_input: Callable[[], JSON]

    @property
    def values(self) -> JSON:
        """What an expression sees as `run`."""
        return {
            "id": str(self.id),
            "number": self.number,
            "mode": self.mode,
            "workflow": self.version.slug,
            "version": self.version.number,
            "started_by": self.started_by,
        }

    def graph(self, body: str, override: JSON = None) -> Graph:
        """Give the compiled body of a scope."""
        return Graph(body, override) if override is not None else self.version.graphs[body]


_versions: Memory[UUID, VersionContext] = Memory(200)
_runs: Memory[UUID, RunContext] = Memory(20_000)
_inputs: Memory[UUID, tuple[JSON]] = Memory(2_000)


def version_context(version_id: UUID) -> VersionContext:
    """Give a version's graphs; compiled once in each process."""
    found = _versions.get(version_id)
    if found is None:
        version = WorkflowVersion.objects.select_related("workflow").get(pk=version_id)
        found = VersionContext(
            id=version.pk,
            number=version.number,
            digest=version.digest,
            workflow_id=version.workflow_id,
            slug=version.workflow.slug,
            workspace_id=version.workflow.workspace_id,
            expanded=version.expanded,
            graphs=graphs_compile(version.expanded),
            pins=version.pins,
        )
        _versions.put(version_id, found)
    return found


def _input_load(run_id: UUID) -> JSON:
    held = _inputs.get(run_id)
    if held is None:
        value = Run.objects.filter(pk=run_id).values_list("input", flat=True).get()
        held = (value,)
        _inputs.put(run_id, held)
    return held[0]


# Inputs up to this many bytes come with the run; a larger one waits until it is named.
SMALL_INPUT = 65_536
_COLUMNS = (
    "id",
    "number",
    "workspace_id",
    "mode",
    "uses_stand_in",
    "started_by__username",
    "started_via",
    "depth",
    "deadline_at",
    "version_id",
)


def contexts_load(run_ids: Iterable[UUID]) -> dict[UUID, RunContext]:
    """Give the contexts of these runs; those not in memory cost one query together."""
    wanted = set(run_ids)
    found = {run_id: known for run_id in wanted if (known := _runs.get(run_id)) is not None}
    missing = wanted - found.keys()
    if missing:
        size = Func("input", function="octet_length", output_field=IntegerField())
        small = Case(When(_size__lte=SMALL_INPUT, then="input"), default=None)
        rows = (
            Run.objects.filter(pk__in=missing)
            .annotate(_size=size, _small=small)
            .values_list(*_COLUMNS, "_size", "_small")
        )
        for *row, size, value in rows:
            is_small = size is None or size <= SMALL_INPUT
            found[row[0]] = context_keep(row, value, has_input=is_small)
    return found


def context_keep(row: Sequence[Any], input: JSON = None, has_input: bool = False) -> RunContext:
    """Remember a run that was just read or written."""
    run_id, number, workspace_id, mode, stand_in, username, via, depth, deadline, version_id = row
    context = RunContext(
        id=run_id,
        number=number,
        workspace_id=workspace_id,
        mode=mode,
        uses_stand_in=stand_in,
        actor=f"user:{username}" if username else via,
        started_by=username,
        depth=depth,
        deadline_at=deadline,
        version=version_context(version_id),
        load_input=lambda: _input_load(run_id),
    )
    _runs.put(run_id, context)
    if has_input:
        _inputs.put(run_id, (input,))
    return context


def contexts_forget() -> None:
    """Empty the memory (tests use one process for many databases)."""
    _versions.clear()
    _runs.clear()
    _inputs.clear()
