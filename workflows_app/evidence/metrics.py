"""The metrics, read from the database: the same from every process, and after every restart.

Counters and histograms come from the tallies that sealing keeps, gauges from the rows of what is
unfinished; so no scrape reads the whole history. Rehearsals are not counted, but a rehearsal that
nothing would wake is a bug like any other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from django.db import connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from workflows_app.evidence.models import Tally
from workflows_app.evidence.selectors.stuck import runs_without_wakeup_count
from workflows_app.evidence.services.seal import seal_now
from workflows_app.evidence.services.tally import STEP_BOUNDS, SUM, WORKFLOW_BOUNDS
from workflows_app.models import Workflow

PREFIX = "countersign_"
CONTENT_TYPE = CONTENT_TYPE_LATEST

COUNTERS = {
    "workflows_started": "Runs that were accepted",
    "workflows_completed": "Runs that succeeded",
    "workflows_failed": "Runs that failed or timed out",
    "escalations": "Requests that went up their ladder, and cases that a tier handed on",
}
STEP_COUNTERS = {
    "step_errors": "Steps that ended in an error or timed out",
    "step_retries": "Attempts after the first",
}
HISTOGRAMS = {
    "workflow_duration_seconds": ("From start to end of a run", ("workflow",), WORKFLOW_BOUNDS),
    "step_duration_seconds": ("From start to end of a step", ("workflow", "kind"), STEP_BOUNDS),
}
UNFINISHED = """
    SELECT w.slug, r.state, count(*) FROM workflows_app_run r
    JOIN workflows_app_workflow w ON w.id = r.workflow_id
    WHERE r.finished_at IS NULL AND r.mode = 'live' GROUP BY w.slug, r.state
"""
PENDING = """
    SELECT w.slug, count(*) FROM approvals_app_approvalrequest a
    JOIN workflows_app_workflow w ON w.id = a.workflow_id
    WHERE a.state = 'pending' AND a.mode = 'live' GROUP BY w.slug
"""

Tallies = dict[str, dict[tuple[str, str], dict[int, float]]]


def metrics_text() -> bytes:
    """Give all metrics in Prometheus' text format, counting what is committed so far."""
    seal_now()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    return generate_latest(registry)


class DatabaseCollector(Collector):
    """Gives every metric of pattern I1 from one short series of queries."""

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        tallies = _tallies()
        slugs = sorted(
            set(Workflow.objects.filter(archived_at=None).values_list("slug", flat=True))
        )
        for name, text in COUNTERS.items():
            yield _counter(name, text, ("workflow",), tallies[name], slugs)
        for name, text in STEP_COUNTERS.items():
            yield _counter(name, text, ("workflow", "kind"), tallies[name], ())
        for name, (text, labels, bounds) in HISTOGRAMS.items():
            yield _histogram(name, text, labels, bounds, tallies[name])
        yield _by_state(tallies["workflows_ended"])
        yield _pending(slugs)
        stuck = "Unfinished runs that nothing would wake; anything but 0 is a bug"
        yield GaugeMetricFamily(
            f"{PREFIX}runs_without_wakeup", stuck, value=runs_without_wakeup_count()
        )


def _tallies() -> Tallies:
    found: Tallies = defaultdict(lambda: defaultdict(dict))
    rows = Tally.objects.order_by("workflow", "kind")
    for row in rows.values_list("metric", "workflow", "kind", "bucket", "value"):
        metric, workflow, kind, bucket, value = row
        found[metric][workflow, kind][bucket] = value
    return found


def _counter(
    name: str,
    text: str,
    labels: tuple[str, ...],
    counts: dict[tuple[str, str], dict[int, float]],
    slugs: Iterable[str],
) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    values = {(slug, ""): 0.0 for slug in slugs}
    values |= {key: buckets.get(0, 0.0) for key, buckets in counts.items()}
    for key, value in sorted(values.items()):
        family.add_metric(key[: len(labels)], value)
    return family


def _histogram(
    name: str,
    text: str,
    labels: tuple[str, ...],
    bounds: tuple[float, ...],
    counts: dict[tuple[str, str], dict[int, float]],
) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for key, buckets in sorted(counts.items()):
        below, cumulative = 0.0, []
        for index, bound in enumerate((*bounds, "+Inf")):
            below += buckets.get(index, 0.0)
            cumulative.append((str(bound), below))
        family.add_metric(key[: len(labels)], cumulative, buckets.get(SUM, 0.0))
    return family


def _by_state(ended: dict[tuple[str, str], dict[int, float]]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}workflows", "Runs by state", labels=("workflow", "state"))
    counts = {key: buckets.get(0, 0.0) for key, buckets in ended.items()}
    with connection.cursor() as cursor:
        cursor.execute(UNFINISHED)
        counts |= {(slug, state): count for slug, state, count in cursor.fetchall()}
    for key, value in sorted(counts.items()):
        family.add_metric(key, value)
    return family


def _pending(slugs: Iterable[str]) -> Metric:
    family = GaugeMetricFamily(
        f"{PREFIX}approvals_pending", "Approval requests that wait", labels=("workflow",)
    )
    counts = dict.fromkeys(slugs, 0)
    with connection.cursor() as cursor:
        cursor.execute(PENDING)
        counts |= dict(cursor.fetchall())
    for slug, count in sorted(counts.items()):
        family.add_metric((slug,), count)
    return family
