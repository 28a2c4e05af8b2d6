// Moving steps into a container and out of it: one entry of undo, and said aloud.
import { valueAt } from "../model/changes.ts";
import type { Box, Frame } from "../model/graph.ts";
import { endsOf, graphOf, refusal } from "../model/rules.ts";
import type { Json, JsonObject, Point } from "../model/types.ts";
import { placeNew } from "./adding.ts";
import { isPlaced } from "./arrange.ts";
import { clipOf, renamed } from "./clipboard.ts";
import type { Editor } from "./editor.ts";
import { connect, edgesAt, idsOf, insertSteps, removeBoxes } from "./steps.ts";

// Whether steps can be put into a box.
export function takes(box: Box | undefined): boolean {
  return box !== undefined && (box.type === "state" || (box.canOpen && box.kind !== "state_machine"));
}

// The frame in a box, opened if it was closed; a state that does nothing yet gets its body.
export function frameIn(editor: Editor, id: string): Frame | undefined {
  const box = editor.graph.boxes.get(id);
  if (!id || !takes(box)) return editor.graph.frames.get(id);
  if (!box!.isOpen) {
    editor.opened = { ...editor.opened, [id]: true };
    editor.host.onOpened(editor.opened);
    editor.redraw();
  }
  const at = [...box!.at, "entry"];
  return editor.graph.frames.get(id) ??
    { id, kind: "body", at, layoutAt: [...at, "layout"], prefix: "", boxes: [], links: [], layout: {} };
}

// Where these boxes could go: "" is the workflow itself.
export function receivers(editor: Editor, ids: string[]): string[] {
  const { boxes, frames } = editor.graph;
  const first = boxes.get(ids[0] ?? "");
  if (first?.type !== "step") return [];
  const root = frames.get("")?.kind === "body" ? [""] : [];
  const open = [...boxes.values()].filter((box) => takes(box) && !isWithin(box.id, ids)).map((box) => box.id);
  return [...open, ...root].filter((id) => id !== first.frame);
}

export function isWithin(id: string, ids: string[]): boolean {
  return ids.some((one) => id === one || id.startsWith(`${one}.`));
}

// Puts steps into another frame; what led to a single one leads to what followed it.
export function moveInto(editor: Editor, ids: string[], into: string, at?: Point): boolean {
  const source = editor.graph.frames.get(editor.graph.boxes.get(ids[0] ?? "")?.frame ?? "");
  const frame = frameIn(editor, into);
  const clip = clipOf(editor.definition, editor.graph, ids, (id) => placeOf(editor, id));
  const own = ids.filter((id) => editor.graph.boxes.get(id)?.frame === source?.id);
  if (!source || !frame || frame.kind === "states" || !clip || isWithin(into, ids)) {
    editor.host.onSay("Not moved. Steps go into a container, or into a state of a machine.");
    return false;
  }
  const fresh = renamed(editor.rules, clip, idsOf(editor.rules, removeBoxes(editor.definition, editor.graph, own)));
  const first = editor.graph.boxes.get(own[0]!)!;
  const names = own.length === 1 ? first.name : `${own.length} steps`;
  const around = editor.graph.boxes.get(into || source.id)?.name ?? "";
  const words = into ? `into ${around}` : `out of ${around}`;
  const isDone = editor.edit(`Move ${names} ${words}`, (definition) => {
    let present = insertSteps(definition, editor.rules, frame, fresh.steps, fresh.edges as Json[]);
    present = removeBoxes(present, editor.graph, own);
    if (own.length === 1) present = closeGap(editor, definition, present, source, first.place);
    if (!at || (into && !isPlaced(frame)) || frame.kind === "row") return present;
    const [x, y] = clip.layout[first.place]!;
    fresh.steps.forEach((step, index) => {
      const [left, top] = clip.layout[String(clip.steps[index]!.id)]!;
      present = placeNew(editor, present, frame, String(step.id), [at[0] + left - x, at[1] + top - y]);
    });
    return present;
  }, fresh.steps.map((step) => (into ? `${into}.${step.id}` : String(step.id))));
  if (isDone) editor.host.onSay(`Moved ${names} ${words}.`);
  return isDone;
}

function closeGap(editor: Editor, before: JsonObject, definition: JsonObject, frame: Frame, id: string): JsonObject {
  if (frame.kind !== "body") return definition;
  const edges = edgesAt(before, frame).map(endsOf).filter((ends) => ends !== undefined);
  let present = definition;
  for (const { source, port } of edges.filter((ends) => ends.target === id)) {
    for (const { target } of edges.filter((ends) => ends.source === id && ends.port === "done")) {
      const body = graphOf((frame.at.length ? valueAt(present, frame.at) : present) as JsonObject);
      if (!refusal(editor.rules, body, { source, port, target })) present = connect(present, frame, source, port, target);
    }
  }
  return present;
}

function placeOf(editor: Editor, id: string): Point {
  const rect = editor.drawn.rects.get(id)!;
  return [rect.x, rect.y];
}
