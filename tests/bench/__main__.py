"""Start the product as `make run` does, measure each section from a process of its own.

The figures are printed as a table and kept as JSON in `bench-results`. Nothing here is a test:
a figure that is not reached is told, and the command succeeds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.engines import ENGINES, SectionFailed, engine_measure
from tests.bench.figures import Figure, Machine, keep, show
from tests.platform.installation import ROOT, Installation

SECTIONS = (
    "raw",
    "chain",
    "http",
    "many",
    "map",
    "pixel",
    "large",
    "waiting",
    "approvals",
    "events",
    "builder",
    "canvas",
)
ALL = (*SECTIONS, *ENGINES)


def main() -> None:
    """Measure, print and keep the figures."""
    options = arguments()
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
    machine = Machine(worker_slots=options.slots, rounds=options.rounds)
    figures: list[Figure] = []
    failures: list[str] = []
    try:
        product = Product(folder / "home", slots=options.slots)
        product.start()
        try:
            for section in options.only:
                print(f"measuring {section} ...", file=sys.stderr, flush=True)
                try:
                    figures += measure(product, section, options)
                except SectionFailed as failed:  # the others are measured all the same
                    print(failed, file=sys.stderr, flush=True)
                    failures.append(section)
        finally:
            product.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    machine.load_at_end = os.getloadavg()
    show(figures, machine)
    print(f"\nkept in {keep(figures, machine, ROOT / 'bench-results')}")
    if failures:
        sys.exit(f"not measured: {', '.join(failures)}; the reasons are above")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(ALL),
        help=f"some of {','.join(ALL)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often the long ones are run")
    parser.add_argument("--slots", type=int, default=128, help="of the one worker process")
    parser.add_argument("--others", help="the Python of the environment with the other engines")
    options = parser.parse_args()
    if unknown := set(options.only) - set(ALL):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    if not options.others:
        options.only = [name for name in options.only if name not in ENGINES]
    return options


class Product(Installation):
    """`manage.py serve` with the tools that are timed, one worker, and its starter's settings."""

    def __init__(self, home: Path, *, slots: int) -> None:
        super().__init__(
            home,
            EXTRA_APPS="tests.bench.work",
            WORKERS="1",
            WORKER_SLOTS=str(slots),
            LOG_LEVEL="WARNING",
        )

    def starter(self) -> dict[str, str]:
        """Return the environment of the process that starts runs."""
        return {
            **self.environment,
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "COUNTERSIGN_ROLE": "starter",
            "BENCH_ADDRESS": self.address,
            "BENCH_TOKEN": self._token(),
            "BENCH_WORKER": str(self.role("worker").pid),
        }

    def _token(self) -> str:
        command = ["create_token", "--user", "owner", "--scope", "read,run"]
        return run([sys.executable, "manage.py", *command], self.environment).split()[-1]


def measure(product: Product, section: str, options: argparse.Namespace) -> list[Figure]:
    """Return the figures of one section."""
    if section in ENGINES:
        return engine_measure(section, product.home, options.others, options.rounds)
    command = [sys.executable, "-m", "tests.bench.starter", section, str(options.rounds)]
    printed = run(command, product.starter())
    return [Figure(**values) for values in json.loads(printed.splitlines()[-1])]


def run(command: list[str], environment: dict[str, str]) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    if done.returncode:
        raise SectionFailed(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
