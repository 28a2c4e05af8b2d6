// Adding to the canvas: each is one entry of undo, and is said aloud.
import { valueAt } from "../model/changes.ts";
import type { Frame, Link } from "../model/graph.ts";
import { endsOf, fromText, onwardPorts, portsOf } from "../model/rules.ts";
import type { Json, JsonObject, KindLook, PaletteAction, Point } from "../model/types.ts";
import { isPlaced, withLayout } from "./arrange.ts";
import { renamed } from "./clipboard.ts";
import { frameIn } from "./containers.ts";
import type { Editor } from "./editor.ts";
import { addState, addTransition, connect, disconnect, edgesAt, idsOf, insertSteps, newStep, set } from "./steps.ts";

export const STATE: KindLook = { kind: "state", label: "State", icon: "circle-dot", shape: "pill", hint: "A state of this machine." };

// Adds a step: at a place of a frame, or after the selected box, between it and what follows.
export function addStep(
  editor: Editor, look: KindLook, target: { frame: string; at?: Point; after?: string; into?: string },
): void {
  const frame = frameIn(editor, target.frame);
  if (!frame) return;
  const isState = look.kind === STATE.kind;
  if (isState !== (frame.kind === "states")) {
    editor.host.onSay(isState ? "Not added. A state goes into a state machine." : "Not added. A step goes into a state of the machine.");
    return;
  }
  if (isState) {
    addStateAt(editor, frame, target.after, target.at);
    return;
  }
  const step = newStep(look, idsOf(editor.rules, editor.definition));
  const own = frame.id ? `${frame.id}.${step.id}` : String(step.id);
  editor.edit(`Add ${look.label}`, (definition) => {
    let present = insertSteps(definition, editor.rules, frame, [step], []);
    const after = target.after ? editor.graph.boxes.get(target.after) : undefined;
    if (after && frame.kind === "body") present = linkIn(editor, present, frame, after.place, String(step.id));
    const into = editor.graph.links.get(target.into ?? "");
    if (into?.kind === "edge" && into.frame === frame.id) present = splitLink(editor, present, frame, into, step);
    return placeNew(editor, present, frame, String(step.id), target.at);
  }, [own]);
  editor.host.onSay(`${look.label} added${target.after ? ` after ${editor.graph.boxes.get(target.after)?.name}` : ""}.`);
}

export function placeNew(editor: Editor, definition: JsonObject, frame: Frame, place: string, at: Point | undefined): JsonObject {
  if (!at) return definition;
  const present = isPlaced(frame) ? definition : withLayout(editor, definition, frame, editor.drawn);
  const shift = frame.id ? 20 : 0;
  const point = [Math.round(at[0] - shift), Math.round(at[1] - (frame.id ? 58 : 0))];
  return set(present, [...frame.layoutAt, frame.prefix + place], point);
}

// Links a new step behind another, by the port that leads on; what followed there follows the new one.
function linkIn(editor: Editor, definition: JsonObject, frame: Frame, source: string, id: string): JsonObject {
  const before = stepOf(definition, frame, source);
  const own = stepOf(definition, frame, id);
  if (!before || !own) return definition;
  const edges = edgesAt(definition, frame).map(endsOf).filter((ends) => ends?.source === source);
  const leading = onwardPorts(editor.rules, portsOf(editor.rules, before));
  const port = leading.find((name) => !edges.some((ends) => ends?.port === name)) ?? leading.at(-1);
  if (!port) return definition;
  const onward = leading.length === 1 ? edges.filter((ends) => ends?.port === "done") : [];
  const [by] = onwardPorts(editor.rules, portsOf(editor.rules, own));
  let present = definition;
  if (onward.length === 1 && by) {
    present = disconnect(present, frame, `${fromText(source, "done")}>${onward[0]!.target}`);
    present = connect(present, frame, id, by, onward[0]!.target);
  }
  return connect(present, frame, source, port, id);
}

// Puts a step on an edge: it follows the edge's start, and the edge's end follows it.
function splitLink(editor: Editor, definition: JsonObject, frame: Frame, link: Link, step: JsonObject): JsonObject {
  const [by] = onwardPorts(editor.rules, portsOf(editor.rules, step));
  const source = editor.graph.boxes.get(link.source)!.place;
  const target = editor.graph.boxes.get(link.target)!.place;
  if (!by) return definition;
  const cut = disconnect(definition, frame, link.place);
  return connect(connect(cut, frame, source, link.port, String(step.id)), frame, String(step.id), by, target);
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
