// What a person does on the canvas: each is one entry of undo, and is said aloud.
import { storedLayout, type Drawn } from "../model/layout.ts";
import type { Frame } from "../model/graph.ts";
import { valueAt } from "../model/changes.ts";
import { endsOf, graphOf, refusal } from "../model/rules.ts";
import type { Json, JsonObject, KindLook, PaletteAction, Point } from "../model/types.ts";
import { clipOf, clipRead, clipText, renamed } from "./clipboard.ts";
import type { Editor } from "./editor.ts";
import {
  addState, addTransition, connect, disconnect, edgesAt, idsOf, insertSteps, newStep, removeBoxes,
  removeTransitions, set,
} from "./steps.ts";

export const STATE: KindLook = { kind: "state", label: "State", icon: "circle-dot", shape: "pill", hint: "A state of this machine." };

function withLayout(editor: Editor, definition: JsonObject, frame: Frame, drawn: Drawn, places?: Map<string, Point>): JsonObject {
  let present = definition;
  for (const [key, value] of storedLayout(editor.graph, frame, drawn, places)) {
    present = set(present, [...frame.layoutAt, key], value);
  }
  return present;
}

function isPlaced(frame: Frame): boolean {
  return Object.keys(frame.layout).some((key) => key.startsWith(frame.prefix) && !key.includes(">"));
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

// Adds a step: at a place of a frame, or after the selected box, between it and what follows.
export function addStep(
  editor: Editor, look: KindLook, target: { frame: string; at?: Point; after?: string },
): void {
  const frame = editor.graph.frames.get(target.frame) ?? entryFrame(editor, target.frame);
  if (!frame) return;
  if (look.kind === STATE.kind || frame.kind === "states") {
    addStateAt(editor, frame, target.after, target.at);
    return;
  }
  const step = newStep(look, idsOf(editor.rules, editor.definition));
  const own = frame.id ? `${frame.id}.${step.id}` : String(step.id);
  editor.edit(`Add ${look.label}`, (definition) => {
    let present = insertSteps(definition, editor.rules, frame, [step], []);
    const after = target.after ? editor.graph.boxes.get(target.after) : undefined;
    if (after && frame.kind === "body") present = linkIn(editor, present, frame, after.place, String(step.id));
    return placeNew(editor, present, frame, String(step.id), target.at);
  }, [own]);
  editor.host.onSay(`${look.label} added${target.after ? ` after ${editor.graph.boxes.get(target.after)?.name}` : ""}.`);
}

// A state that does nothing yet gets its body with its first step.
function entryFrame(editor: Editor, id: string): Frame | undefined {
  const box = editor.graph.boxes.get(id);
  if (box?.type !== "state" || box.isEnd) return undefined;
  const at = [...box.at, "entry"];
  editor.opened = { ...editor.opened, [id]: true };
  return { id, kind: "body", at, layoutAt: [...at, "layout"], prefix: "", boxes: [], links: [], layout: {} };
}

function placeNew(editor: Editor, definition: JsonObject, frame: Frame, place: string, at: Point | undefined): JsonObject {
  if (!at) return definition;
  const present = isPlaced(frame) ? definition : withLayout(editor, definition, frame, editor.drawn);
  const shift = frame.id ? 20 : 0;
  const point = [Math.round(at[0] - shift), Math.round(at[1] - (frame.id ? 58 : 0))];
  return set(present, [...frame.layoutAt, frame.prefix + place], point);
}

function linkIn(editor: Editor, definition: JsonObject, frame: Frame, source: string, id: string): JsonObject {
  if (editor.rules.ports.none.includes(String(stepOf(definition, frame, source)?.kind))) return definition;
  const onward = edgesAt(definition, frame).filter((edge) => {
    const ends = endsOf(edge);
    return ends?.source === source && ends.port === "done";
  });
  let present = definition;
  const isEnd = editor.rules.ports.none.includes(String(stepOf(definition, frame, id)?.kind));
  if (onward.length === 1 && !isEnd) {
    const ends = endsOf(onward[0]!)!;
    present = disconnect(present, frame, `${(onward[0] as JsonObject).from}>${ends.target}`);
    present = connect(present, frame, id, "done", ends.target);
  }
  return connect(present, frame, source, "done", id);
}

function stepOf(definition: JsonObject, frame: Frame, id: string): JsonObject | undefined {
  return valueAt(definition, [...frame.at, "steps", id]) as JsonObject | undefined;
}

function addStateAt(editor: Editor, frame: Frame, after: string | undefined, at: Point | undefined): void {
  const root = editor.machine || frame.id;
  let own = "";
  editor.edit("Add a state", (definition) => {
    let [present, name] = addState(definition, frame, "state");
    own = `${root}.${name}`;
    const source = after ? editor.graph.boxes.get(after) : undefined;
    if (source?.type === "state" && !source.isEnd) present = addTransition(present, frame, source.place, name, "next");
    return placeNew(editor, present, frame, name, at);
  });
  editor.select([own]);
  editor.host.onSay(`State ${editor.graph.boxes.get(own)?.name ?? ""} added.`);
}

// Adds several steps that belong together, after the selected one: branches and their merge.
export function insertSeveral(editor: Editor, action: PaletteAction, after: string | undefined): void {
  const box = after ? editor.graph.boxes.get(after) : undefined;
  const around = editor.graph.frames.get(box?.frame ?? "");
  const frame = around?.kind === "body" ? around : editor.graph.frames.get("");
  if (frame?.kind !== "body") return;
  const clip = { steps: action.steps ?? [], edges: action.edges ?? [], layout: {} };
  const fresh = renamed(editor.rules, clip, idsOf(editor.rules, editor.definition));
  const named = (id: string) => fresh.names.get(id) ?? id;
  const own = fresh.steps.map((step) => (frame.id ? `${frame.id}.${step.id}` : String(step.id)));
  editor.edit(`Add ${action.label}`, (definition) => {
    let present = insertSteps(definition, editor.rules, frame, fresh.steps, fresh.edges as Json[]);
    if (!box || around !== frame || editor.rules.ports.none.includes(box.kind)) return present;
    for (const edge of edgesAt(definition, frame)) {
      const ends = endsOf(edge);
      if (ends?.source !== box.place || ends.port !== "done" || !action.exit) continue;
      present = disconnect(present, frame, `${(edge as JsonObject).from}>${ends.target}`);
      present = connect(present, frame, named(action.exit), "done", ends.target);
    }
    for (const entry of action.entries ?? []) present = connect(present, frame, box.place, "done", named(entry));
    return present;
  }, own.slice(0, 1));
  editor.host.onSay(`${action.label} added.`);
}

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
    for (const [id, point] of Object.entries(fresh.layout)) {
      present = set(present, [...frame.layoutAt, frame.prefix + id], [point[0] + 32, point[1] + 32]);
    }
    return present;
  }, own);
  editor.host.onSay(`${word}d ${count} step${count === 1 ? "" : "s"}.`);
  return true;
}

function frameForPaste(editor: Editor): Frame {
  const box = editor.graph.boxes.get(editor.selected[0] ?? "");
  const inside = box?.isOpen && editor.selected.length === 1 ? editor.graph.frames.get(box.id) : undefined;
  if (inside && inside.kind !== "states" && !inside.boxes.length) return inside;
  const around = editor.graph.frames.get(box?.frame ?? "");
  return around && around.kind !== "states" ? around : editor.graph.frames.get("")!;
}
