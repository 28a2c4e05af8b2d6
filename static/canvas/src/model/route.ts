// The ways of links, as SVG paths.
import type { Rect } from "./layout.ts";
import type { Point } from "./types.ts";

export interface Way {
  path: string;
  label: Point;
}

const TURN = 10;
const LEAVE = 18;

// A way in right angles: down from a port (or right, from a port of failure), and into the top.
export function orthogonal(start: Point, side: "bottom" | "right", end: Point, points: Point[] = []): Way {
  const corners = side === "right" ? fromRight(start, end, points) : fromBottom(start, end, points);
  return { path: rounded(corners), label: labelOf(corners) };
}

function fromBottom([sx, sy]: Point, [tx, ty]: Point, points: Point[]): Point[] {
  if (points.length) return [[sx, sy], [sx, points[0]![1]], ...points, [tx, points.at(-1)![1]], [tx, ty]];
  if (Math.abs(sx - tx) < 5 && ty > sy) return [[sx, sy], [tx, ty]];
  if (ty - sy >= 2 * TURN + 4) {
    const middle = ty - sy > 140 ? ty - 26 : (sy + ty) / 2;
    return [[sx, sy], [sx, middle], [tx, middle], [tx, ty]];
  }
  const lane = Math.abs(sx - tx) > 240 ? (sx + tx) / 2 : Math.max(sx, tx) + 130;
  return [[sx, sy], [sx, sy + LEAVE], [lane, sy + LEAVE], [lane, ty - LEAVE], [tx, ty - LEAVE], [tx, ty]];
}

function fromRight([sx, sy]: Point, [tx, ty]: Point, points: Point[]): Point[] {
  const out = sx + LEAVE;
  if (points.length) {
    return [[sx, sy], [out, sy], [out, points[0]![1]], ...points, [tx, points.at(-1)![1]], [tx, ty]];
  }
  if (tx > out && ty - sy > TURN) return [[sx, sy], [tx, sy], [tx, ty]];
  const above = ty - Math.min(26, Math.max(LEAVE, (ty - sy) / 3));
  return [[sx, sy], [out, sy], [out, above], [tx, above], [tx, ty]];
}

function rounded(corners: Point[]): string {
  const [first, ...rest] = corners;
  const parts = [`M${first![0]} ${first![1]}`];
  rest.forEach(([x, y], index) => {
    const [px, py] = corners[index]!;
    const next = corners[index + 2];
    if (!next) {
      parts.push(`L${x} ${y}`);
      return;
    }
    const before = Math.hypot(x - px, y - py);
    const after = Math.hypot(next[0] - x, next[1] - y);
    const radius = Math.min(TURN, before / 2, after / 2);
    if (radius < 0.5) return;
    const [ax, ay] = [x - ((x - px) / before) * radius, y - ((y - py) / before) * radius];
    const [bx, by] = [x + ((next[0] - x) / after) * radius, y + ((next[1] - y) / after) * radius];
    parts.push(`L${ax} ${ay}Q${x} ${y} ${bx} ${by}`);
  });
  return parts.join("");
}

// A label stands on the first long piece across, else beside the first piece down.
function labelOf(corners: Point[]): Point {
  for (let index = 1; index < corners.length; index += 1) {
    const [[x1, y1], [x2, y2]] = [corners[index - 1]!, corners[index]!];
    if (Math.abs(y1 - y2) < 1 && Math.abs(x1 - x2) > 48) return [(x1 + x2) / 2, y1];
  }
  const [[x, y1], [, y2]] = [corners[0]!, corners.at(-1)!];
  return [x, Math.min(y1 + 28, (y1 + y2) / 2)];
}

// A curve through points, for transitions between states.
export function smooth(points: Point[]): string {
  const [first, ...rest] = points;
  const parts = [`M${first![0]} ${first![1]}`];
  rest.forEach(([x, y], index) => {
    const next = rest[index + 1];
    if (!next) parts.push(`L${x} ${y}`);
    else parts.push(`Q${x} ${y} ${(x + next[0]) / 2} ${(y + next[1]) / 2}`);
  });
  return parts.join("");
}

// Where the line from the middle of a box towards a point leaves it.
export function border(rect: Rect, [x, y]: Point): Point {
  const [cx, cy] = [rect.x + rect.width / 2, rect.y + rect.height / 2];
  const [dx, dy] = [x - cx, y - cy];
  if (!dx && !dy) return [cx, cy + rect.height / 2];
  const scale = Math.min(rect.width / 2 / Math.max(Math.abs(dx), 0.01), rect.height / 2 / Math.max(Math.abs(dy), 0.01));
  return [cx + dx * scale, cy + dy * scale];
}

export function curve(source: Rect, target: Rect, points: Point[]): Way {
  if (source === target || (source.x === target.x && source.y === target.y)) return loop(source);
  const middle = (rect: Rect): Point => [rect.x + rect.width / 2, rect.y + rect.height / 2];
  let ways = points;
  if (!ways.length) {
    // Two ways between the same states keep apart: each bends to its own right.
    const [[ax, ay], [bx, by]] = [middle(source), middle(target)];
    const length = Math.hypot(bx - ax, by - ay) || 1;
    const bend = Math.min(36, length / 5);
    ways = [[(ax + bx) / 2 - ((by - ay) / length) * bend, (ay + by) / 2 + ((bx - ax) / length) * bend]];
  }
  const start = border(source, ways[0]!);
  const end = border(target, ways.at(-1)!);
  return { path: smooth([start, ...ways, end]), label: ways[Math.floor(ways.length / 2)]! };
}

function loop(rect: Rect): Way {
  const [x, y] = [rect.x + rect.width, rect.y + rect.height / 2];
  return { path: `M${x} ${y + 10}C${x + 46} ${y + 24} ${x + 46} ${y - 24} ${x} ${y - 10}`, label: [x + 40, y - 24] };
}
