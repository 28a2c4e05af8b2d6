from django.apps import AppConfig


class BenchWorkConfig(AppConfig):
    """Tools that do nothing, or only wait."""

    name = "tests.bench.work"
    label = "bench_work"
