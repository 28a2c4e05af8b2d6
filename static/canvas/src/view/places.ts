// Where boxes stand on the stage, and which one lies in a direction or under a point.
import { isWithin, takes } from "../edit/containers.ts";
import type { Editor } from "../edit/editor.ts";
import type { Rect } from "../model/layout.ts";
import type { Point } from "../model/types.ts";

export function absolute(editor: Editor): Map<string, Rect> {
  const found = new Map<string, Rect>();
  const visit = (frame: string, dx: number, dy: number): void => {
    for (const id of editor.graph.frames.get(frame)?.boxes ?? []) {
      const rect = editor.drawn.rects.get(id)!;
      found.set(id, { ...rect, x: rect.x + dx, y: rect.y + dy });
      visit(id, rect.x + dx, rect.y + dy);
    }
  };
  visit("", 0, 0);
  return found;
}

// Gives the box in a direction: down follows a connection, up goes back along one.
export function neighbour(editor: Editor, id: string, [dx, dy]: Point): string | undefined {
  const { graph } = editor;
  const box = graph.boxes.get(id)!;
  const rects = absolute(editor);
  const own = rects.get(id)!;
  const center = (one: string): Point => [rects.get(one)!.x + rects.get(one)!.width / 2, rects.get(one)!.y + rects.get(one)!.height / 2];
  const [cx, cy] = center(id);
  const near = (ids: string[]) => ids.toSorted((one, two) => Math.abs(center(one)[0] - cx) - Math.abs(center(two)[0] - cx))[0];
  const children = graph.frames.get(id)?.boxes ?? [];
  if (dy > 0 && box.isOpen && children.length) {
    return children.toSorted((one, two) => rects.get(one)!.y - rects.get(two)!.y || rects.get(one)!.x - rects.get(two)!.x)[0];
  }
  const links = [...graph.links.values()];
  if (dy > 0) {
    const next = near(links.filter((one) => one.source === id && rects.get(one.target)!.y > own.y).map((one) => one.target));
    if (next) return next;
  }
  if (dy < 0) {
    const before = near(links.filter((one) => one.target === id && rects.get(one.source)!.y < own.y).map((one) => one.source));
    if (before) return before;
  }
  const beside = [...graph.boxes.values()].filter((one) => one.frame === box.frame && one.id !== id).map((one) => one.id);
  const ahead = beside.map((one) => {
    const [x, y] = center(one);
    const along = (x - cx) * dx + (y - cy) * dy;
    const across = Math.abs((x - cx) * dy) + Math.abs((y - cy) * dx);
    return { one, along, cost: along + across * 2.5 };
  }).filter(({ along }) => along > 8).sort((a, b) => a.cost - b.cost);
  return ahead[0]?.one ?? (box.frame && graph.boxes.has(box.frame) ? box.frame : undefined);
}

// The innermost box under a point that takes steps in, or whose states lie there; "" for none.
export function receiverAt(editor: Editor, [x, y]: Point, dragged: string[] = []): string {
  let found = "";
  for (const [id, rect] of absolute(editor)) {
    const isInside = x >= rect.x && x <= rect.x + rect.width && y >= rect.y && y <= rect.y + rect.height;
    const box = editor.graph.boxes.get(id);
    const isFrame = takes(box) || editor.graph.frames.has(id);
    if (isInside && isFrame && id.length >= found.length && !isWithin(id, dragged)) found = id;
  }
  return found;
}
