// Copy and paste of steps, as plain text.
import type { Frame } from "../model/graph.ts";
import type { Json, Point } from "../model/types.ts";
import { isPlaced } from "./arrange.ts";
import { clipOf, clipRead, clipText, renamed } from "./clipboard.ts";
import type { Editor } from "./editor.ts";
import { idsOf, insertSteps, set } from "./steps.ts";

export function copyText(editor: Editor): string | undefined {
  const clip = clipOf(editor.definition, editor.graph, editor.selected, (id) => {
    const rect = editor.drawn.rects.get(id)!;
    return [rect.x, rect.y];
  });
  return clip && clipText(clip);
}

// Puts steps from text where the selection is; their names give way to those that exist.
export function paste(editor: Editor, text: string, word = "Paste"): boolean {
  const clip = clipRead(text);
  if (!clip) {
    editor.host.onSay("What is on the clipboard are no steps.");
    return false;
  }
  const frame = frameForPaste(editor);
  const fresh = renamed(editor.rules, clip, idsOf(editor.rules, editor.definition));
  const count = fresh.steps.length;
  const own = fresh.steps.map((step) => (frame.id ? `${frame.id}.${step.id}` : String(step.id)));
  editor.edit(`${word} ${count === 1 ? fresh.steps[0]!.id : `${count} steps`}`, (definition) => {
    let present = insertSteps(definition, editor.rules, frame, fresh.steps, fresh.edges as Json[]);
    if (!isPlaced(frame) || frame.kind === "row") return present;
    const shift = freeShift(editor, frame, Object.values(fresh.layout));
    for (const [id, point] of Object.entries(fresh.layout)) {
      present = set(present, [...frame.layoutAt, frame.prefix + id], [point[0] + shift, point[1] + 32]);
    }
    return present;
  }, own);
  editor.host.onSay(`${word}d ${count} step${count === 1 ? "" : "s"}.`);
  return true;
}

// How far to the right there is room for boxes that stand at these points.
function freeShift(editor: Editor, frame: Frame, points: Point[]): number {
  const rects = frame.boxes.map((id) => editor.drawn.rects.get(id)!);
  const isTaken = (shift: number) => points.some(([x, y]) => rects.some((rect) =>
    x + shift < rect.x + rect.width + 16 && rect.x < x + shift + 224 && y + 32 < rect.y + rect.height + 16 && rect.y < y + 100));
  let shift = 32;
  while (shift < 4000 && isTaken(shift)) shift += 32;
  return shift;
}

function frameForPaste(editor: Editor): Frame {
  const box = editor.graph.boxes.get(editor.selected[0] ?? "");
  const inside = box?.isOpen && editor.selected.length === 1 ? editor.graph.frames.get(box.id) : undefined;
  if (inside && inside.kind !== "states" && !inside.boxes.length) return inside;
  const around = editor.graph.frames.get(box?.frame ?? "");
  return around && around.kind !== "states" ? around : editor.graph.frames.get("")!;
}
