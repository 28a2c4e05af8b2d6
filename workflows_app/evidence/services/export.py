"""Hand the record out: whole, in one pass, a chunk in memory at a time."""

from collections.abc import AsyncIterator, Iterator
from itertools import batched, islice
from typing import Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse

from workflows_app.evidence.core.formats import csv_lines, jsonl_lines, xes_lines
from workflows_app.evidence.core.records import GENESIS
from workflows_app.evidence.models import Chain, Seal
from workflows_app.evidence.selectors.records import record_shapes
from workflows_app.models import Workspace
from workflows_app.services.members import app_event

Format = Literal["jsonl", "csv", "xes"]
CONTENT_TYPES = {
    "jsonl": "application/jsonl; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xes": "application/xml; charset=utf-8",
}
CHUNK = 1_000  # records
LINES = 200  # of an export, sent together

RUN_SEALS = """
    SELECT s.id, r.number, e.sequence FROM workflows_app_run r
    JOIN workflows_app_runevent e ON e.run_id = r.id
    JOIN evidence_seal s ON s.run_event_id = e.id
    WHERE r.workspace_id = %s AND s.chain_id = %s AND s.position <= %s
      AND (r.number, e.sequence) > (%s, %s)
    ORDER BY r.number, e.sequence LIMIT %s
"""


def audit_export(*, workspace: Workspace, form: Format, actor: str) -> StreamingHttpResponse:
    """Record that `actor` takes the audit log, and give it as a download.

    It reaches up to the head at this moment, which the header `X-Audit-Head` names too; the
    record of the export itself comes after that.
    """
    chain = Chain.objects.filter(workspace=workspace).first()
    head = {
        "position": chain.position if chain else 0,
        "hash": bytes(chain.hash if chain else GENESIS).hex(),
    }
    data = {"format": form, "head": head}
    app_event(workspace, "audit.exported", f"audit:{workspace.slug}", actor, data=data)
    response = Download(_lines(chain, form, head), content_type=CONTENT_TYPES[form])
    name = f"audit-{workspace.slug}-{head['position']}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Audit-Head"] = f"{head['position']} {head['hash']}"
    response["Cache-Control"] = "no-store"
    return response


def _lines(chain: Chain | None, form: Format, head: dict[str, Any]) -> Iterator[bytes]:
    if form == "xes":
        return xes_lines(_of_runs(chain) if chain else ())
    records = _in_order(chain) if chain else iter(())
    return jsonl_lines(records, head=head) if form == "jsonl" else csv_lines(records)


def _in_order(chain: Chain) -> Iterator[dict[str, Any]]:
    after = 0
    seals = Seal.objects.filter(chain=chain, position__lte=chain.position).order_by("position")
    while part := list(seals.filter(position__gt=after)[:CHUNK]):
        yield from record_shapes(part, workspace=chain.workspace_id)
        after = part[-1].position


def _of_runs(chain: Chain) -> Iterator[dict[str, Any]]:
    after = (0, 0)
    while rows := _run_seals(chain, after):
        seals = Seal.objects.in_bulk([row[0] for row in rows])
        yield from record_shapes([seals[row[0]] for row in rows], workspace=chain.workspace_id)
        after = rows[-1][1:]


def _run_seals(chain: Chain, after: tuple[int, int]) -> list[tuple[int, int, int]]:
    arguments: list[int | UUID] = [chain.workspace_id, chain.pk, chain.position, *after, CHUNK]
    with connection.cursor() as cursor:
        cursor.execute(RUN_SEALS, arguments)
        return cursor.fetchall()


class Download(StreamingHttpResponse):
    """Streams lines made by ordinary code, under a synchronous or an asynchronous server."""

    def __init__(self, lines: Iterator[bytes], **kwargs: Any) -> None:
        self._parts = (b"".join(part) for part in batched(lines, LINES))
        super().__init__(self._parts, **kwargs)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await sync_to_async(self._take)():
            yield part[0]

    def _take(self) -> list[bytes]:
        """Give the next part, and the connection back: a slow reader holds none."""
        try:
            return list(islice(self._parts, 1))
        finally:
            connection.close()
