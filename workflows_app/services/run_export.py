"""Runs as a file, for spreadsheets and programs; every export is recorded."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from project.json_form import json_text
from workflows_app.errors import Invalid
from workflows_app.models import Run
from workflows_app.selectors.people import Principal
from workflows_app.selectors.run_query import query_apply, query_parse
from workflows_app.selectors.runs import run_list, run_shape
from workflows_app.services.history import app_event_record

MOST = 10_000  # runs
LARGEST = 50_000_000  # bytes
COLUMNS = (
    "number",
    "id",
    "workflow",
    "version",
    "mode",
    "state",
    "error",
    "cost_usd",
    "created_at",
    "started_at",
    "finished_at",
)


def runs_export(
    *, principal: Principal, query: str = "", ids: Sequence[UUID] | None = None, format: str
) -> HttpResponse:
    """Give the runs that fit `query`, or those named, newest first.

    Args:
        format: `jsonl`, whole runs as the API shows them, or `csv`, a line of figures for each.

    Raises:
        Invalid: terms that mean nothing, or too much for one file.
    """
    filters, unknown = query_parse(query)
    if unknown:
        raise Invalid(f"{', '.join(unknown)} means nothing here.", code="bad_filter")
    runs = run_list(actor=principal)
    runs = runs.filter(pk__in=list(ids)) if ids is not None else query_apply(runs, filters)
    if runs[MOST : MOST + 1].exists():
        raise Invalid(f"More than {MOST:,} runs fit; narrow the query.", code="too_many_runs")
    write: Callable[[Iterable[Run]], tuple[str, int]] = _csv if format == "csv" else _jsonl
    text, count = write(runs.iterator(chunk_size=200))
    for workspace in principal.workspaces:
        app_event_record(
            workspace=workspace,
            type="runs.exported",
            object="runs",
            actor=principal.actor,
            data={"format": format, "query": query, "runs": count},
        )
    kind = "text/csv; charset=utf-8" if format == "csv" else "application/jsonl; charset=utf-8"
    name = f'attachment; filename="runs.{format}"'
    return HttpResponse(
        text,
        content_type=kind,
        headers={"Content-Disposition": name, "Cache-Control": "no-store"},
    )


def _jsonl(runs: Iterable[Run]) -> tuple[str, int]:
    return _joined(json_text(run_shape(run)) + "\n" for run in runs)


def _csv(runs: Iterable[Run]) -> tuple[str, int]:
    text, count = _joined(_line(_cells(run)) for run in runs)
    return _line(COLUMNS) + text, count


def _cells(run: Run) -> list[Any]:
    shape = run_shape(run)
    shape["cost_usd"] = shape["usage"]["cost_usd"]
    shape["error"] = (shape["error"] or {}).get("code", "")
    for name in ("created_at", "started_at", "finished_at"):
        shape[name] = shape[name].isoformat() if shape[name] else ""
    return [_harmless(shape[name]) for name in COLUMNS]


def _harmless(value: Any) -> Any:
    """A spreadsheet takes a text that begins like a formula for one."""
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value


def _line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _joined(lines: Iterable[str]) -> tuple[str, int]:
    kept, size = [], 0
    for line in lines:
        size += len(line)
        if size > LARGEST:
            raise Invalid("The runs make more than 50 MB; narrow the query.", code="too_large")
        kept.append(line)
    return "".join(kept), len(kept)
