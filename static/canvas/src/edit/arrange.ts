// Moving, aligning, tidying: where boxes stand, each one entry of undo.
import type { Frame } from "../model/graph.ts";
import { storedLayout, type Drawn } from "../model/layout.ts";
import type { JsonObject, Point } from "../model/types.ts";
import type { Editor } from "./editor.ts";
import { set } from "./steps.ts";

export function withLayout(editor: Editor, definition: JsonObject, frame: Frame, drawn: Drawn, places?: Map<string, Point>): JsonObject {
  let present = definition;
  for (const [key, value] of storedLayout(editor.graph, frame, drawn, places)) {
    present = set(present, [...frame.layoutAt, key], value);
  }
  return present;
}

export function isPlaced(frame: Frame): boolean {
  const { prefix } = frame;
  return Object.keys(frame.layout).some((key) => key.startsWith(prefix) && !/[/>]/.test(key.slice(prefix.length)));
}

export function move(editor: Editor, places: Map<string, Point>, label = "Move"): void {
  const frames = new Set([...places.keys()].map((id) => editor.graph.boxes.get(id)?.frame));
  const names = [...places.keys()].map((id) => editor.graph.boxes.get(id)?.name ?? id);
  const words = names.length === 1 ? `${label} ${names[0]}` : `${label} ${names.length} steps`;
  editor.edit(words, (definition) => {
    let present = definition;
    for (const id of frames) {
      const frame = editor.graph.frames.get(id ?? "");
      if (frame) present = withLayout(editor, present, frame, editor.drawn, places);
    }
    return present;
  });
}

export function tidy(editor: Editor): void {
  const frames = new Set(editor.selected.map((id) => editor.graph.boxes.get(id)?.frame).filter((id) => id !== undefined));
  const chosen = editor.selected.length > 1 ? [...frames] : [...editor.graph.frames.keys()];
  const drawn = editor.tidied(chosen);
  const isDone = editor.edit("Tidy", (definition) => {
    let present = definition;
    for (const id of chosen) present = withLayout(editor, present, editor.graph.frames.get(id)!, drawn);
    return present;
  });
  editor.host.onSay(isDone ? "Tidied." : "It is tidy already.");
}

export type Side = "left" | "center" | "top" | "middle" | "across" | "down";

export function align(editor: Editor, side: Side): void {
  const ids = editor.selected.filter((id) => editor.graph.boxes.has(id));
  const frame = editor.graph.boxes.get(ids[0] ?? "")?.frame;
  const rects = ids.filter((id) => editor.graph.boxes.get(id)!.frame === frame)
    .map((id) => ({ id, ...editor.drawn.rects.get(id)! }));
  if (rects.length < 2) {
    editor.host.onSay("Choose two steps or more of one frame to align them.");
    return;
  }
  const first = rects[0]!;
  const isAcross = side === "across" || side === "middle" || side === "top";
  const ordered = rects.toSorted((one, two) => (isAcross ? one.x - two.x : one.y - two.y));
  const gap = 40;
  const places = new Map<string, Point>();
  let [x, y] = [ordered[0]!.x, ordered[0]!.y];
  for (const rect of ordered) {
    if (side === "left") places.set(rect.id, [first.x, rect.y]);
    if (side === "center") places.set(rect.id, [first.x + (first.width - rect.width) / 2, rect.y]);
    if (side === "top") places.set(rect.id, [rect.x, first.y]);
    if (side === "middle") places.set(rect.id, [rect.x, first.y + (first.height - rect.height) / 2]);
    if (side === "across") places.set(rect.id, [x, rect.y]);
    if (side === "down") places.set(rect.id, [rect.x, y]);
    x += rect.width + gap;
    y += rect.height + gap;
  }
  move(editor, places, "Align");
}
