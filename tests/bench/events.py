"""Only the figures of events: `python -m tests.bench.events`, as JSON and as the table."""

import sys
from pathlib import Path

from tests.bench.__main__ import main
from tests.platform.installation import ROOT


def events() -> None:
    """Measure the section, then print the file of figures that it left."""
    sys.argv[1:] = ["--only", "events", *sys.argv[1:]]
    main()
    newest: Path = max((ROOT / "bench-results").glob("*.json"))
    print(newest.read_text())


if __name__ == "__main__":
    events()
