"""How long steps of a kind usually take, so that short ones need no slot of their own."""

from threading import Lock

from workflows_app.core.graph import Node

SHORT_SECONDS = 0.005
_WEIGHT = 0.2  # of the newest time in the moving average


class Pace:
    """A moving average for each kind, and for each tool by its name."""

    def __init__(self) -> None:
        self._averages: dict[str, float] = {}
        self._lock = Lock()

    @staticmethod
    def _key(node: Node) -> str:
        return f"{node.kind.name}:{node.settings.get('tool', '')}"

    def is_short(self, node: Node) -> bool:
        """Tell whether steps like this one end within a few milliseconds."""
        if node.kind.primitive not in ("call", "wait"):
            return True
        return self._averages.get(self._key(node), 1.0) < SHORT_SECONDS

    def note(self, node: Node, seconds: float) -> None:
        """Learn from one execution; a single slow one counts at once."""
        key = self._key(node)
        with self._lock:
            known = self._averages.get(key)
            if known is None or seconds > 4 * SHORT_SECONDS:
                self._averages[key] = seconds
            else:
                self._averages[key] = (1 - _WEIGHT) * known + _WEIGHT * seconds
