"""When each step ran, as bars for SVG attributes (percent); long waits are drawn short."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from workflows_app.views.step_tree import TreeNode

WIDTH = 100.0  # percent of the drawing
GAP = 16.0  # percent that a shortened wait takes
LEAST = 0.6  # percent of the shortest bar
ROWS = 40
STEPS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800)
MARK_SPACING, LAST_MARK, MARKS_TRIED = 28.0, 62.0, 200  # percent: the end has a word of its own


@dataclass
class Bar:
    """One stretch of a step's time."""

    x: float
    width: float
    family: str


@dataclass
class TimeRow:
    """One step with its bars."""

    node: TreeNode
    bars: list[Bar] = field(default_factory=list)
    note: Any = None


@dataclass
class Timeline:
    """Rows, marks of the axis as (x, text), and where time was shortened."""

    rows: list[TimeRow] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    breaks: list[float] = field(default_factory=list)
    is_shortened: bool = False


def timeline(lines: list[TreeNode], *, now: datetime) -> Timeline:
    """Draw the root steps and what is directly below them, from the first start to now."""
    shown = [line for line in lines if line.depth <= 1 and line.step and line.step.started_at]
    if not shown:
        return Timeline()
    shown = shown[:ROWS]
    scale = Scale([_span(line, now) for line in shown], [_is_wait(line) for line in shown])
    found = Timeline(
        breaks=[round(x + GAP * 0.55, 2) for x in scale.breaks],
        marks=scale.marks(),
        is_shortened=bool(scale.quiet),
    )
    for line in shown:
        start, end = _span(line, now)
        left, right = scale.place(start), scale.place(end)
        family = line.look.family
        width = max(LEAST, right - left)
        bar = Bar(round(min(left, WIDTH - width), 2), round(width, 2), family)
        note = end - start if line.step is None or line.step.attempt < 2 else None
        found.rows.append(TimeRow(line, [bar], note))
    return found


def _span(line: TreeNode, now: datetime) -> tuple[datetime, datetime]:
    step = line.step
    if step is None or step.started_at is None:
        return now, now
    return step.started_at, max(step.finished_at or now, step.started_at)


def _is_wait(line: TreeNode) -> bool:
    """Waits of people, events and clocks may be shortened; work may not."""
    kinds = {"approval", "checkpoint", "wait", "delay"}
    return line.state == "waiting" or line.kind in kinds


class Scale:
    """Places moments on the axis; stretches in which nothing worked get a fixed width."""

    def __init__(self, spans: list[tuple[datetime, datetime]], waits: list[bool]) -> None:
        self.start = min(start for start, _ in spans)
        self.end = max(end for _, end in spans)
        busy = sorted(span for span, is_wait in zip(spans, waits, strict=True) if not is_wait)
        self.quiet = self._quiet(busy)
        cut = sum((end - start for start, end in self.quiet), timedelta())
        self.worked = max((self.end - self.start - cut).total_seconds(), 0.001)
        self.unit = (WIDTH - GAP * len(self.quiet)) / self.worked
        self.breaks = [self.place(start) for start, _ in self.quiet]

    def _quiet(self, busy: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
        if not busy:
            return []
        total = self.end - self.start
        least = max(total * 0.25, timedelta(seconds=5))
        found, at = [], self.start
        for start, end in [*busy, (self.end, self.end)]:
            if start - at >= least:
                found.append((at, start))
            at = max(at, end)
        return found

    def place(self, moment: datetime) -> float:
        """Give where a moment is drawn, from 0 to WIDTH."""
        x, at = 0.0, self.start
        for start, end in self.quiet:
            if moment <= start:
                break
            x += (start - at).total_seconds() * self.unit
            inside = min(max((moment - start) / (end - start), 0), 1)
            x += GAP * inside
            at = end
            if moment <= end:
                return min(x, WIDTH)
        return min(x + max(0.0, (moment - at).total_seconds()) * self.unit, WIDTH)

    def marks(self) -> list[tuple[float, str]]:
        """Give some round times along the axis, as (place, text)."""
        step = next((one for one in STEPS if self.worked / one <= 5), STEPS[-1])
        found: list[tuple[float, str]] = []
        for count in range(MARKS_TRIED):
            offset = timedelta(seconds=count * step)
            x = self.place(self.start + offset)
            if self.start + offset > self.end or x > LAST_MARK:
                break
            if not found or x - found[-1][0] > MARK_SPACING:
                found.append((round(x, 2), round_time(count * step)))
        return found


def round_time(seconds: float) -> str:
    """Write a round length of time in its largest unit: 0 s, 10 s, 5 min, 2 h."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:g} s"
