"""What never changes while a run goes on, kept in memory: its version's graphs, its input."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows_app.core.durations import duration_parse
from workflows_app.core.graph import Graph, graphs_compile
from workflows_app.models import Run, WorkflowVersion
from workflows_app.services.rows import cursor_open

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
class Continues:
    """The run whose unchanged results this one takes over, and the path that runs again."""

    run: UUID
    version: UUID
    path: str


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
    lapses_at: datetime  # when a permission given in this run ends; it never moves
    version: VersionContext
    continues: Continues | None
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
DEFAULT_TIMEOUT = timedelta(days=30)
_RUNS = """
SELECT r.id, r.number, r.workspace_id, r.mode, r.uses_stand_in, u.username, r.started_via, r.depth,
  r.created_at, r.version_id, octet_length(r.input),
  CASE WHEN octet_length(r.input) <= %s THEN r.input END,
  b.id, b.version_id, r.continued_path
FROM workflows_app_run r LEFT JOIN workflows_app_user u ON u.id = r.started_by_id
LEFT JOIN workflows_app_run b ON b.id = r.continued_from_id AND r.continued_path IS NOT NULL
WHERE r.id = ANY(%s)
"""


def contexts_load(run_ids: Iterable[UUID]) -> dict[UUID, RunContext]:
    """Give the contexts of these runs; those not in memory cost one query together."""
    wanted = set(run_ids)
    found = {run_id: known for run_id in wanted if (known := _runs.get(run_id)) is not None}
    missing = wanted - found.keys()
    if missing:
        cursor = cursor_open()
        cursor.execute(_RUNS, [SMALL_INPUT, list(missing)], prepare=True)
        for row in cursor.fetchall():
            found[row[0]] = _context(row)
    return found


def version_timeout(version: VersionContext) -> timedelta:
    """Give the time limit of the version's runs."""
    limit = (version.expanded.get("limits") or {}).get("timeout")
    return duration_parse(limit) if limit else DEFAULT_TIMEOUT


def _context(row: Sequence[Any]) -> RunContext:
    run_id, number, workspace_id, mode, stand_in, username, via, depth, created_at = row[:9]
    version = version_context(row[9])
    context = RunContext(
        id=run_id,
        number=number,
        workspace_id=workspace_id,
        mode=mode,
        uses_stand_in=stand_in,
        actor=f"user:{username}" if username else via,
        started_by=username,
        depth=depth,
        lapses_at=created_at + version_timeout(version),
        version=version,
        continues=Continues(run=row[12], version=row[13], path=row[14]) if row[12] else None,
        load_input=lambda: _input_load(run_id),
    )
    _runs.put(run_id, context)
    size, text = row[10:12]
    if size is None or text is not None:
        _inputs.put(run_id, (None if text is None else json.loads(text),))
    return context


def contexts_forget() -> None:
    """Empty the memory (tests use one process for many databases)."""
    _versions.clear()
    _runs.clear()
    _inputs.clear()
