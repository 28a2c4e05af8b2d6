"""The process that starts the timed runs: `python -m tests.bench.starter SECTION ROUNDS`.

It is apart from web and worker, as an application that uses the product is. The figures are
printed as JSON on the last line.
"""

import importlib
import json
import sys
from dataclasses import asdict

import django


def main(section: str, rounds: int) -> None:
    """Measure one section."""
    django.setup()
    module = importlib.import_module(f"tests.bench.sections.{section}")
    figures = module.measure(rounds)
    print(json.dumps([asdict(figure) for figure in figures]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
