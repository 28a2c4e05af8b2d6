"""A graph drawn on the server: layers from top to bottom, as geometry for SVG attributes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from workflows_app.views.looks import KIND_LOOKS, look_of
from workflows_app.views.outline import Entry, edges_of, outline
from workflows_app.views.words import duration

JSON = Any
WIDTH = 336  # of a drawing whose layers have at most three steps
GAP_X, GAP_Y, TOP = 10, 36, 14
NARROW = 98.0  # the least width of a box
HEIGHTS = {"pill": 34}
CHARACTER = 6.1  # pixels of one at 12 px


@dataclass
class Node:
    """A step as a box: position of its left upper corner, size, texts and look."""

    entry: Entry
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 44
    layer: int = 0
    step: Any = None  # the step run, if there is one
    look: Any = None
    name: str = ""
    sub: str = ""
    is_selected: bool = False

    @property
    def shape(self) -> str:
        return KIND_LOOKS.get(self.entry.kind, ("", "", "card"))[2]

    @property
    def center(self) -> float:
        return self.x + self.width / 2

    @property
    def is_small(self) -> bool:
        return self.width < 140

    @property
    def is_current(self) -> bool:
        return self.step is not None and self.step.state in {"running", "waiting"}

    @property
    def sub_x(self) -> float:
        return self.text_x + (16 if self.look is not None else 0)

    @property
    def small_y(self) -> float:
        return self.y + 24

    @property
    def icon_x(self) -> float:
        return self.x + self.width - 25

    @property
    def icon_y(self) -> float:
        return self.y + self.height / 2 - 8

    @property
    def text_x(self) -> float:
        return self.x + (10 if self.is_small else 38 if self.shape != "pill" else 34)


@dataclass
class Edge:
    """A way from a step to a step; `state` is done, dead or todo."""

    path: str
    state: str
    label: str = ""
    label_x: float = 0
    label_y: float = 0


@dataclass
class Drawing:
    """What the template draws."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    width: float = WIDTH
    height: float = 0


def draw(
    definition: JSON,
    *,
    steps: dict[str, Any] | None = None,
    selected: str = "",
    now: datetime | None = None,
) -> Drawing:
    """Lay out the root graph of a definition; with `steps` (runs by path) in their states."""
    entries = outline(definition)
    known = {entry.id for entry in entries}
    edges = _together(
        [edge for edge in edges_of(definition) if edge[0] in known and edge[2] in known]
    )
    layers = _layers(entries, edges)
    nodes = {entry.id: Node(entry, layer=layers[entry.id]) for entry in entries}
    rows, chains = _rows(nodes, edges)
    drawing = Drawing(nodes=list(nodes.values()))
    moment = now or datetime.now(UTC)
    places = _place(rows, nodes, drawing)
    for node in drawing.nodes:
        _dress(node, steps, selected, moment)
    for edge, chain in zip(edges, chains, strict=True):
        drawing.edges.append(_edge(edge, chain, nodes, places, steps))
    return drawing


def _together(edges: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Draw several ports that lead to the same step as one way; ports are joined by commas."""
    ports: dict[tuple[str, str], list[str]] = {}
    for source, port, target in edges:
        ports.setdefault((source, target), []).append(port)
    return [(source, ",".join(names), target) for (source, target), names in ports.items()]


def _layers(entries: list[Entry], edges: list[tuple[str, str, str]]) -> dict[str, int]:
    """Give the length of the longest way to each step; entries come in topological order."""
    layers = {entry.id: 0 for entry in entries}
    place = {entry.id: index for index, entry in enumerate(entries)}
    for entry in entries:
        for source, _, target in edges:
            if target == entry.id and place[source] < place[target]:
                layers[target] = max(layers[target], layers[source] + 1)
    return layers


def _rows(
    nodes: dict[str, Node], edges: list[tuple[str, str, str]]
) -> tuple[list[list[str]], list[list[str]]]:
    """Give the layers as rows of ids, with a mark for each edge that passes through a layer."""
    depth = max((node.layer for node in nodes.values()), default=-1) + 1
    rows: list[list[str]] = [[] for _ in range(depth)]
    for identifier, node in nodes.items():
        rows[node.layer].append(identifier)
    chains = []
    for index, (source, _, target) in enumerate(edges):
        chain = [source]
        for layer in range(nodes[source].layer + 1, nodes[target].layer):
            mark = f"|{index}|{layer}"
            rows[layer].append(mark)
            chain.append(mark)
        chains.append([*chain, target])
    _untangle(rows, chains)
    return rows, chains


def _untangle(rows: list[list[str]], chains: list[list[str]]) -> None:
    """Order each row by the middle of what leads to it, then by what it leads to."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for first, second in pairwise(chain):
            above.setdefault(second, []).append(first)
            below.setdefault(first, []).append(second)
    for neighbours, order in ((above, rows[1:]), (below, rows[-2::-1]), (above, rows[1:])):
        for row in order:
            places = {key: place for one in rows for place, key in enumerate(one)}
            sizes = {key: len(one) for one in rows for key in one}

            def middle(
                key: str,
                near: dict[str, list[str]] = neighbours,
                places: dict[str, int] = places,
                sizes: dict[str, int] = sizes,
            ) -> float:
                spots = [(places[one] + 0.5) / sizes[one] for one in near.get(key, [])]
                return sum(spots) / len(spots) if spots else (places[key] + 0.5) / sizes[key]

            row.sort(key=middle)


def _place(
    rows: list[list[str]], nodes: dict[str, Node], drawing: Drawing
) -> dict[str, tuple[float, float]]:
    """Give each box its place, and each passing edge the middle of its gap."""
    widest = max((sum(not key.startswith("|") for key in row) for row in rows), default=1)
    passing = max((sum(key.startswith("|") for key in row) for row in rows), default=0)
    drawing.width = max(WIDTH, widest * (NARROW + GAP_X) - GAP_X + 16 + passing * 12)
    places: dict[str, tuple[float, float]] = {}
    y = float(TOP)
    for row in rows:
        real = [key for key in row if not key.startswith("|")]
        free = drawing.width - 16 - (len(row) - len(real)) * 18
        room = (free - GAP_X * (len(row) - 1)) / max(1, len(real))
        width = min(200.0, max(NARROW, room))
        total = sum(18 if key.startswith("|") else width for key in row) + GAP_X * (len(row) - 1)
        x = (drawing.width - total) / 2
        for key in row:
            if key.startswith("|"):
                places[key] = (x + 9, y + 22)
                x += 18 + GAP_X
                continue
            node = nodes[key]
            node.height = HEIGHTS.get(node.shape, 44)
            node.x, node.y, node.width = round(x, 1), y + (44 - node.height) / 2, round(width, 1)
            x += width + GAP_X
        y += 44 + GAP_Y
    drawing.height = max(y - GAP_Y, 0) + TOP  # a body without steps has a height too
    return places


def _dress(node: Node, steps: dict[str, Any] | None, selected: str, now: datetime) -> None:
    node.step = (steps or {}).get(node.entry.path)
    node.is_selected = node.entry.path == selected
    room = node.width - (18 if node.is_small else 66)
    node.name = _fit(node.entry.name, room)
    if steps is None:
        sub = node.entry.summary or KIND_LOOKS.get(node.entry.kind, ("", node.entry.kind))[1]
        node.sub = _fit(sub, room + 8)
        return
    state = node.step.state if node.step else "pending"
    reason = node.step.reason if node.step else None
    node.look = look_of("step", state, reason)
    node.sub = _fit(_sub(node, now), room - (16 if node.is_small else -8))


def _sub(node: Node, now: datetime) -> str:
    """Tell how long a step took or has waited, else its state."""
    step = node.step
    if step is None or step.started_at is None or step.state in {"failed", "skipped"}:
        return node.look.word
    if step.finished_at is None and step.state not in {"waiting", "running"}:
        return node.look.word
    return duration((step.finished_at or now) - step.started_at)


def _fit(text: str, room: float) -> str:
    most = max(4, int(room / CHARACTER))
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _edge(
    edge: tuple[str, str, str],
    chain: list[str],
    nodes: dict[str, Node],
    places: dict[str, tuple[float, float]],
    steps: dict[str, Any] | None,
) -> Edge:
    source, target = nodes[edge[0]], nodes[edge[2]]
    points = [(source.center, source.y + source.height)]
    points += [places[key] for key in chain[1:-1]]
    points.append((target.center, target.y - 2))
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (y2 - y1) * 0.55
        parts.append(f"C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}")
    label = "" if edge[1] == "done" else edge[1].replace("_", " ").replace(",", ", ")
    x, y = points[1]
    return Edge(
        path=" ".join(parts),
        state=_edge_state(source.step, edge[1], target.step) if steps is not None else "done",
        label=label,
        label_x=round((points[0][0] + x) / 2 if len(points) == 2 else x, 1),
        label_y=round((points[0][1] + y) / 2 + 4, 1),
    )


def _edge_state(source: Any, port: str, target: Any) -> str:
    """Tell whether an edge was taken, died, or is still open."""
    if source is None or source.state in {"ready", "running", "waiting"}:
        return "todo"
    taken = source.port or ("done" if source.state in {"succeeded", "skipped"} else "error")
    if source.state == "skipped" and source.port is None:
        taken = "done" if target is not None and target.state != "skipped" else ""
    return "done" if set(port.split(",")) & set(taken.split(",")) else "dead"
