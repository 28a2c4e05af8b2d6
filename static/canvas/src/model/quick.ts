// A layout for very large graphs: layers by the longest way, each ordered by what leads to it.
import type { Box, Link } from "./graph.ts";
import type { Rect } from "./layout.ts";

const GAP_X = 40;
const GAP_Y = 52;

export function quickly(boxes: Box[], links: Link[], rects: Map<string, Rect>): void {
  const layers = layersOf(boxes, links);
  const before = neighbours(links, (link) => [link.target, link.source]);
  const after = neighbours(links, (link) => [link.source, link.target]);
  for (const [near, order] of [[before, layers], [after, layers.toReversed()], [before, layers]] as const) {
    const places = new Map<string, number>();
    for (const layer of layers) layer.forEach((id, index) => places.set(id, (index + 0.5) / layer.length));
    for (const layer of order) {
      const middle = new Map(layer.map((id) => {
        const known = near.get(id) ?? [];
        return [id, known.length ? known.reduce((sum, one) => sum + places.get(one)!, 0) / known.length : places.get(id)!];
      }));
      layer.sort((one, two) => middle.get(one)! - middle.get(two)!);
      layer.forEach((id, index) => places.set(id, (index + 0.5) / layer.length));
    }
  }
  let y = 0;
  for (const layer of layers) {
    const width = layer.reduce((sum, id) => sum + rects.get(id)!.width + GAP_X, -GAP_X);
    let x = -Math.round(width / 16) * 8;
    let height = 0;
    for (const id of layer) {
      const rect = rects.get(id)!;
      Object.assign(rect, { x, y });
      x += rect.width + GAP_X;
      height = Math.max(height, rect.height);
    }
    y += height + GAP_Y;
  }
}

function neighbours(links: Link[], ends: (link: Link) => [string, string]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const link of links) {
    const [key, other] = ends(link);
    const known = found.get(key);
    if (known) known.push(other);
    else found.set(key, [other]);
  }
  return found;
}

function layersOf(boxes: Box[], links: Link[]): string[][] {
  const waiting = new Map(boxes.map((box) => [box.id, 0]));
  const after = neighbours(links, (link) => [link.source, link.target]);
  for (const link of links) waiting.set(link.target, (waiting.get(link.target) ?? 0) + 1);
  const depth = new Map(boxes.map((box) => [box.id, 0]));
  const ready = boxes.filter((box) => !waiting.get(box.id)).map((box) => box.id);
  for (const id of ready) {
    for (const next of after.get(id) ?? []) {
      depth.set(next, Math.max(depth.get(next)!, depth.get(id)! + 1));
      waiting.set(next, waiting.get(next)! - 1);
      if (!waiting.get(next)) ready.push(next);
    }
  }
  const layers: string[][] = [];
  for (const box of boxes) (layers[depth.get(box.id)!] ??= []).push(box.id);
  return layers.filter(Boolean);
}
