// Where the boxes go: stored places where there are some, else layers from top to bottom (dagre).
import { Graph as Layers, layout as dagreLayout } from "@dagrejs/dagre";
import type { Box, Frame, Graph, Link } from "./graph.ts";
import { quickly } from "./quick.ts";
import type { JsonObject, Point } from "./types.ts";

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Drawn {
  rects: Map<string, Rect>; // relative to the frame of each box
  points: Map<string, Point[]>; // way-points of links, relative to their frame
  labels: Map<string, Point>;
}

export const GRID = 8;
const PAD = 20;
const HEADER = 48;
const QUICK_ABOVE = 400; // boxes of one frame: dagre would take longer than a second
const EMPTY = 112; // height of a frame with nothing in it
const CARD = { width: 208, height: 52 };
const PILL = { width: 168, height: 40 };
const STATE = { width: 152, height: 48 };

export function sizeOf(box: Box): { width: number; height: number } {
  if (box.type === "state") return { ...STATE, width: Math.max(STATE.width, Math.min(272, 8 * Math.round((box.canOpen ? 104 : 72) / 8 + box.name.length * 0.95))) };
  return box.look.shape === "pill" ? PILL : CARD;
}

export function pointOf(value: unknown): Point | undefined {
  const isPoint = Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number" && Number.isFinite(one));
  return isPoint ? (value as Point) : undefined;
}

function pointsOf(value: unknown): Point[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.map(pointOf);
  return found.length && !found.includes(undefined) ? (found as Point[]) : undefined;
}

// Lays a graph out, the inner frames first; `fresh` names frames whose stored places do not count.
export function draw(graph: Graph, fresh: (frame: string) => boolean = () => false): Drawn {
  const drawn: Drawn = { rects: new Map(), points: new Map(), labels: new Map() };
  const visit = (frame: Frame): void => {
    for (const id of frame.boxes) {
      const inner = graph.frames.get(id);
      if (inner) visit(inner);
    }
    place(graph, frame, drawn, fresh(frame.id));
    if (frame.id) enclose(graph, frame, drawn);
  };
  const root = graph.frames.get("");
  if (root) visit(root);
  return drawn;
}

function place(graph: Graph, frame: Frame, drawn: Drawn, isFresh: boolean): void {
  const boxes = frame.boxes.map((id) => graph.boxes.get(id)!);
  const links = frame.links.map((id) => graph.links.get(id)!);
  for (const box of boxes) {
    if (!drawn.rects.has(box.id)) drawn.rects.set(box.id, { x: 0, y: 0, ...sizeOf(box) });
  }
  const stored = isFresh ? [] : boxes.filter((box) => pointOf(frame.layout[frame.prefix + box.place]));
  if (!stored.length) {
    if (boxes.length > QUICK_ABOVE) quickly(boxes, links, drawn.rects);
    else layered(frame, boxes, links, drawn);
    return;
  }
  for (const box of stored) {
    const [x, y] = pointOf(frame.layout[frame.prefix + box.place])!;
    Object.assign(drawn.rects.get(box.id)!, { x, y });
  }
  const known = new Set(stored.map((box) => box.id));
  for (const box of boxes) if (!known.has(box.id)) nearby(box, links, known, drawn);
  for (const link of links) {
    const points = pointsOf(frame.layout[frame.prefix + link.place]);
    if (points) drawn.points.set(link.id, points);
  }
}

// A box without a place stands below what leads to it, else below everything.
function nearby(box: Box, links: Link[], known: Set<string>, drawn: Drawn): void {
  const own = drawn.rects.get(box.id)!;
  const before = links.find((link) => link.target === box.id && known.has(link.source));
  const rects = [...known].map((id) => drawn.rects.get(id)!);
  const from = before && drawn.rects.get(before.source);
  own.x = from ? from.x + (from.width - own.width) / 2 : Math.min(...rects.map((one) => one.x));
  own.y = from ? from.y + from.height + 48 : Math.max(...rects.map((one) => one.y + one.height)) + 48;
  while (rects.some((one) => collides(one, own))) own.x += 32;
  known.add(box.id);
}

function collides(one: Rect, two: Rect): boolean {
  return one.x < two.x + two.width + 16 && two.x < one.x + one.width + 16 &&
    one.y < two.y + two.height + 16 && two.y < one.y + one.height + 16;
}

function layered(frame: Frame, boxes: Box[], links: Link[], drawn: Drawn): void {
  const isStates = frame.kind === "states";
  const graph = new Layers({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 40, ranksep: isStates ? 40 : 52, edgesep: 24, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const box of boxes) {
    const { width, height } = drawn.rects.get(box.id)!;
    graph.setNode(box.id, { width, height });
  }
  const back = backLinks(boxes, links);
  for (const link of links) {
    if (link.source === link.target) continue;
    const [from, to] = back.has(link.id) ? [link.target, link.source] : [link.source, link.target];
    graph.setEdge(from, to, labelSize(link), link.id);
  }
  dagreLayout(graph);
  for (const box of boxes) {
    const { x, y } = graph.node(box.id) as { x: number; y: number };
    const rect = drawn.rects.get(box.id)!;
    Object.assign(rect, { x: snap(x) - rect.width / 2, y: snap(y - rect.height / 2) });
  }
  for (const link of links) {
    const edge = graph.edge({ v: link.source, w: link.target, name: link.id }) ??
      graph.edge({ v: link.target, w: link.source, name: link.id });
    if (!edge) continue;
    const points = (edge.points as { x: number; y: number }[]).map(({ x, y }): Point => [Math.round(x), Math.round(y)]);
    if (back.has(link.id)) points.reverse();
    keepPoints(link, points, drawn, isStates);
    if (isStates && typeof edge.x === "number") drawn.labels.set(link.id, [edge.x, edge.y]);
  }
}

function snap(value: number): number {
  return Math.round(value / GRID) * GRID;
}

function labelSize(link: Link): JsonObject {
  if (!link.label) return {};
  const lines = link.label.split("\n");
  const width = Math.min(220, Math.max(...lines.map((line) => line.length)) * 6.3 + 12);
  return { width: link.kind === "transition" ? width : 8, height: lines.length * 15, labelpos: "c", weight: 1 };
}

// Edges longer than a rank keep the way that was found for them, so that they pass round boxes.
// Dagre gives a point in each gap and in each row on the way: edges turn in the gaps only.
function keepPoints(link: Link, points: Point[], drawn: Drawn, isStates: boolean): void {
  const inner = points.slice(1, -1);
  if (isStates) {
    drawn.points.set(link.id, inner);
    return;
  }
  const corners: Point[] = [];
  for (let row = 1; row + 1 < inner.length; row += 2) {
    const x = inner[row]![0];
    corners.push([x, inner[row - 1]![1]], [x, inner[row + 1]![1]]);
  }
  if (corners.length) drawn.points.set(link.id, straightened(corners));
}

function straightened(points: Point[]): Point[] {
  return points.filter((point, index) => {
    const [before, after] = [points[index - 1], points[index + 1]];
    return !before || !after || Math.abs(before[0] - point[0]) > 1 || Math.abs(after[0] - point[0]) > 1;
  });
}

// The links that close a circle, found in the order in which the boxes are written, initial first.
function backLinks(boxes: Box[], links: Link[]): Set<string> {
  const leaving = new Map<string, Link[]>();
  for (const link of links) leaving.set(link.source, [...(leaving.get(link.source) ?? []), link]);
  const found = new Set<string>();
  const state = new Map<string, "open" | "done">();
  const visit = (id: string): void => {
    state.set(id, "open");
    for (const link of leaving.get(id) ?? []) {
      if (state.get(link.target) === "open") found.add(link.id);
      else if (!state.has(link.target)) visit(link.target);
    }
    state.set(id, "done");
  };
  for (const box of boxes.toSorted((one, two) => Number(two.isStart) - Number(one.isStart))) {
    if (!state.has(box.id)) visit(box.id);
  }
  return found;
}

// Makes a box as large as the frame in it, and moves what is inside below its header.
function enclose(graph: Graph, frame: Frame, drawn: Drawn): void {
  const outer = graph.boxes.get(frame.id)!;
  if (!frame.boxes.length) {
    drawn.rects.set(frame.id, { x: 0, y: 0, width: sizeOf(outer).width, height: EMPTY });
    return;
  }
  const rects = frame.boxes.map((id) => drawn.rects.get(id)!);
  const lines = frame.links.flatMap((id) => [...(drawn.points.get(id) ?? []), ...reach(drawn.labels.get(id), graph.links.get(id)!)]);
  const left = Math.min(...rects.map((one) => one.x), ...lines.map(([x]) => x));
  const top = Math.min(...rects.map((one) => one.y));
  const right = Math.max(...rects.map((one) => one.x + one.width), ...lines.map(([x]) => x));
  const bottom = Math.max(...rects.map((one) => one.y + one.height), ...lines.map(([, y]) => y));
  const [dx, dy] = [PAD - left, HEADER + PAD / 2 - top];
  for (const rect of rects) Object.assign(rect, { x: rect.x + dx, y: rect.y + dy });
  for (const id of frame.links) {
    const moved = drawn.points.get(id)?.map(([x, y]): Point => [x + dx, y + dy]);
    if (moved) drawn.points.set(id, moved);
    const label = drawn.labels.get(id);
    if (label) drawn.labels.set(id, [label[0] + dx, label[1] + dy]);
  }
  drawn.rects.set(frame.id, {
    x: 0, y: 0,
    width: Math.max(sizeOf(outer).width, right - left + 2 * PAD),
    height: bottom - top + HEADER + 2 * PAD,
  });
}

function reach(label: Point | undefined, link: Link): Point[] {
  if (!label || !link.label) return [];
  const half = Number(labelSize(link).width ?? 0) / 2;
  return [[label[0] - half, label[1]], [label[0] + half, label[1]]];
}

// What must be written so that every box of a frame stands where it is drawn; `places` are those
// that were moved, and the ways of their links are forgotten.
export function storedLayout(
  graph: Graph, frame: Frame, drawn: Drawn, places: Map<string, Point> = new Map(),
): [string, Point | Point[] | undefined][] {
  const [dx, dy] = frame.id ? [PAD, HEADER + PAD / 2] : [0, 0];
  const moved = ([x, y]: Point): Point => [Math.round(x - dx), Math.round(y - dy)];
  const found: [string, Point | Point[] | undefined][] = frame.boxes.map((id) => {
    const rect = drawn.rects.get(id)!;
    return [frame.prefix + graph.boxes.get(id)!.place, moved(places.get(id) ?? [rect.x, rect.y])];
  });
  for (const id of frame.links) {
    const link = graph.links.get(id)!;
    const points = places.has(link.source) || places.has(link.target) ? undefined : drawn.points.get(id);
    const key = frame.prefix + link.place;
    if (points || key in frame.layout) found.push([key, points?.map(moved)]);
  }
  return found;
}
