"""How long steps of a kind usually take, so that short ones need no slot of their own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident

from workflows_app.core.graph import Node

SHORT_SECONDS = 0.005
BRIEF_SECONDS = 0.001  # so short that it may hold up the results of others
_WEIGHT = 0.2  # of the newest time in the moving average


class Pace:
    """A moving average for each kind, and for each tool by its name."""

    def __init__(self) -> None:
        self._averages: dict[str, float] = {}
        self._lock = Lock()
        self._inline: dict[int, float] = {}  # threads that carry a step out inside a transaction

    @staticmethod
    def _key(node: Node) -> str:
        return f"{node.kind.name}:{node.settings.get('tool', '')}"

    def is_short(self, node: Node) -> bool:
        """Tell whether steps like this one end within a few milliseconds."""
        if node.kind.primitive not in ("call", "wait"):
            return True
        return self._averages.get(self._key(node), 1.0) < SHORT_SECONDS

    def is_brief(self, node: Node) -> bool:
        """Tell whether steps like this one end at once, as far as they have been seen."""
        return self._averages.get(self._key(node), 1.0) < BRIEF_SECONDS

    @contextmanager
    def inline(self, node: Node) -> Iterator[None]:
        """Time a step that is carried out inside a transaction."""
        begun = time.monotonic()
        thread = get_ident()
        self._inline[thread] = begun
        try:
            yield
        finally:
            del self._inline[thread]
            self.note(node, time.monotonic() - begun)

    def is_overdue(self, seconds: float) -> bool:
        """Tell whether a step that was to end at once has not for so long."""
        now = time.monotonic()
        return any(begun + seconds < now for begun in list(self._inline.values()))

    def note(self, node: Node, seconds: float) -> None:
        """Learn from one execution; a single slow one counts at once."""
        key = self._key(node)
        with self._lock:
            known = self._averages.get(key)
            if known is None or seconds > 4 * SHORT_SECONDS:
                self._averages[key] = seconds
            else:
                self._averages[key] = (1 - _WEIGHT) * known + _WEIGHT * seconds
