"""The graph canvas in a headless Chromium: rendering, dragging, tidying, a live run."""

from tests.bench.canvas import TARGETS, canvas_figures
from tests.bench.figures import Figure


def measure(rounds: int) -> list[Figure]:
    """Give each figure that `python -m tests.bench.canvas` prints."""
    found = canvas_figures()
    return [
        Figure(
            section="canvas",
            name=name.rpartition(", ")[0],
            unit=name.rpartition(", ")[2],
            values=[value],
            target=TARGETS[name],
        )
        for name, value in found["figures"].items()
    ]
