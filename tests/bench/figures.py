"""One figure of the table: what was measured, and what it should reach."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Values of one measure, in `unit`; without a target it is there to compare with."""

    section: str
    name: str
    unit: str
    values: Sequence[float]
    target: float | None = None
    is_rate: bool = False  # more is better
    at_p95: bool = False  # it is the p95 that should reach the target
    engine: str = "countersign"
    note: str = ""

    @property
    def median(self) -> float:
        """Return the middle value."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """Return the value that one in twenty is worse than; of a few values, the worst."""
        ordered = sorted(self.values, reverse=self.is_rate)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]

    @property
    def is_reached(self) -> bool | None:
        """Say whether the median, or the p95, meets the target; None without one."""
        if self.target is None:
            return None
        value = self.p95 if self.at_p95 else self.median
        return value >= self.target if self.is_rate else value <= self.target

    def as_json(self) -> dict[str, Any]:
        """Return what is kept of it."""
        summary = {"median": self.median, "p95": self.p95, "reached": self.is_reached}
        return {**asdict(self), **summary}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@dataclass(kw_only=True)
class Machine:
    """What the figures were measured on."""

    cpu: str = field(default_factory=_cpu_name)
    cores: int = field(default_factory=lambda: os.cpu_count() or 0)
    load_at_start: tuple[float, ...] = field(default_factory=os.getloadavg)
    load_at_end: tuple[float, ...] = ()
    system: str = field(default_factory=platform.platform)
    python: str = field(default_factory=platform.python_version)
    worker_slots: int = 0
    rounds: int = 0


def show(figures: Sequence[Figure], machine: Machine) -> None:
    """Print the table."""
    load = ", ".join(f"{value:.1f}" for value in machine.load_at_start)
    print(f"\n{machine.cpu}, {machine.cores} cores, load at start {load}")
    print(
        f"{machine.worker_slots} worker slots, {machine.rounds} rounds, Python {machine.python}\n"
    )
    print(f"{'figure':61}{'median':>12}{'p95':>12}{'target':>10}  reached")
    names = list(dict.fromkeys(figure.name for figure in figures))
    for figure in sorted(figures, key=lambda one: names.index(one.name)):
        is_ours = figure.engine == "countersign"
        name = figure.name if is_ours else f"{figure.name}, {figure.engine}"
        target = "" if figure.target is None else f"{figure.target:g}"
        reached = {None: "", True: "yes", False: "NO"}[figure.is_reached]
        median, worst = (_number(value) for value in (figure.median, figure.p95))
        line = f"{name:54}{figure.unit:>7}{median:>12}{worst:>12}{target:>10}  {reached}"
        print(f"{line:98} {figure.note}".rstrip())


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def keep(figures: Sequence[Figure], machine: Machine, folder: Path) -> Path:
    """Write the figures down and return where."""
    folder.mkdir(exist_ok=True)
    path = folder / datetime.now(UTC).strftime("%Y%m%d-%H%M%S.json")
    document = {"machine": asdict(machine), "figures": [one.as_json() for one in figures]}
    path.write_text(json.dumps(document, indent=1))
    return path
