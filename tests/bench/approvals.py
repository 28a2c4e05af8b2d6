"""`python -m tests.bench.approvals`: the inbox with ten thousand pending requests, by itself."""

import os
import shutil
import tempfile
from argparse import Namespace
from pathlib import Path

from tests.bench.__main__ import Product, measure
from tests.bench.figures import Machine, keep, show
from tests.platform.installation import ROOT

SLOTS = 128
START = 300.0  # seconds until it serves, also on a busy machine


def main() -> None:
    """Measure, print and keep the figures."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
    machine = Machine(worker_slots=SLOTS, rounds=1)
    try:
        product = Product(folder / "home", slots=SLOTS)
        product.start(seconds=START)
        try:
            figures = measure(product, "approvals", Namespace(rounds=1, others=None))
        finally:
            product.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    machine.load_at_end = os.getloadavg()
    show(figures, machine)
    print(f"\nkept in {keep(figures, machine, ROOT / 'bench-results')}")


if __name__ == "__main__":
    main()
