// Connecting and deleting on the canvas: each is one entry of undo, and is said aloud.
import { valueAt } from "../model/changes.ts";
import { graphOf, refusal } from "../model/rules.ts";
import type { JsonObject } from "../model/types.ts";
import type { Editor } from "./editor.ts";
import { addTransition, connect, disconnect, removeBoxes, removeTransitions } from "./steps.ts";

// Says why two boxes may not be connected by this port.
export function connectRefusal(editor: Editor, source: string, port: string, target: string): string | undefined {
  const [one, two] = [editor.graph.boxes.get(source), editor.graph.boxes.get(target)];
  if (!one || !two) return "There is nothing to connect to.";
  const frame = editor.graph.frames.get(one.frame)!;
  if (frame.kind === "row") return "These steps are tried by their container: they are not connected by hand.";
  if (one.frame !== two.frame) return refusal(editor.rules, { steps: [], edges: [] }, { source, port, target });
  if (frame.kind === "states") return one.isEnd ? "Nothing follows a last state." : undefined;
  const body = graphOf((frame.at.length ? valueAt(editor.definition, frame.at) : editor.definition) as JsonObject);
  return refusal(editor.rules, body, { source: one.place, port, target: two.place });
}

export function link(editor: Editor, source: string, port: string, target: string, trigger = ""): boolean {
  const why = connectRefusal(editor, source, port, target);
  const [one, two] = [editor.graph.boxes.get(source), editor.graph.boxes.get(target)];
  if (why || !one || !two) {
    editor.host.onSay(`Not connected. ${why ?? ""}`);
    return false;
  }
  const frame = editor.graph.frames.get(one.frame)!;
  const words = port === "done" ? "" : ` by ${port.replace(/_/g, " ")}`;
  const isDone = editor.edit(`Connect ${one.name} to ${two.name}`, (definition) => frame.kind === "states"
    ? addTransition(definition, frame, one.place, two.place, trigger || `to_${two.place}`)
    : connect(definition, frame, one.place, port, two.place));
  if (isDone) editor.host.onSay(`Connected ${one.name}${words} to ${two.name}.`);
  return isDone;
}

// Moves an edge to another end in one entry of undo.
export function relink(editor: Editor, id: string, source: string, port: string, target: string): boolean {
  const old = editor.graph.links.get(id);
  const frame = old && editor.graph.frames.get(old.frame);
  if (!old || frame?.kind !== "body") return false;
  const [one, two] = [editor.graph.boxes.get(source), editor.graph.boxes.get(target)];
  if (!one || !two || one.frame !== frame.id || two.frame !== frame.id) {
    editor.host.onSay(`Not connected. ${connectRefusal(editor, source, port, target) ?? ""}`);
    return false;
  }
  const without = disconnect(editor.definition, frame, old.place);
  const body = graphOf((frame.at.length ? valueAt(without, frame.at) : without) as JsonObject);
  const why = refusal(editor.rules, body, { source: one.place, port, target: two.place });
  if (why) {
    editor.host.onSay(`Not connected. ${why}`);
    return false;
  }
  return editor.edit(`Connect ${one.name} to ${two.name}`, () => connect(without, frame, one.place, port, two.place));
}

export function remove(editor: Editor, ids: string[] = editor.selected): void {
  const links = ids.map((id) => editor.graph.links.get(id)).filter((one) => one !== undefined && one.kind !== "order");
  const boxes = ids.filter((id) => editor.graph.boxes.has(id));
  if (!links.length && !boxes.length) return;
  const name = boxes.length === 1 ? editor.graph.boxes.get(boxes[0]!)!.name
    : boxes.length ? `${boxes.length} steps` : links.length === 1 ? "a connection" : `${links.length} connections`;
  const before = boxes.length ? neighbourOf(editor, boxes) : undefined;
  const isDone = editor.edit(`Delete ${name}`, (definition) => {
    let present = definition;
    for (const one of links) {
      const frame = editor.graph.frames.get(one!.frame)!;
      const [from, to] = one!.place.split(">");
      present = one!.kind === "transition"
        ? removeTransitions(present, frame, from!, to!)
        : disconnect(present, frame, one!.place);
    }
    return removeBoxes(present, editor.graph, boxes);
  });
  if (!isDone) return;
  editor.select([]);
  if (before && editor.graph.boxes.has(before)) editor.activate(before);
  editor.host.onSay(`Deleted ${name}.`);
}

function neighbourOf(editor: Editor, boxes: string[]): string | undefined {
  const links = [...editor.graph.links.values()];
  return links.find((one) => boxes.includes(one.target) && !boxes.includes(one.source))?.source ??
    links.find((one) => boxes.includes(one.source) && !boxes.includes(one.target))?.target;
}
