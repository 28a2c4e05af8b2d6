// Edits of the definition: each takes a document and gives another one.
import { isObject, valueAt, withValue } from "../model/changes.ts";
import type { Box, Frame, Graph } from "../model/graph.ts";
import { endsOf, fromText, graphOf, innersOf } from "../model/rules.ts";
import type { Json, JsonObject, KindLook, Path, Rules } from "../model/types.ts";

export function set(document: JsonObject, path: Path, value: Json | undefined, at?: number): JsonObject {
  return withValue(document, path, value, at) as JsonObject;
}

// Every id of the definition: a step may not be called like one around its body.
export function idsOf(rules: Rules, body: JsonObject, found: Set<string> = new Set()): Set<string> {
  const visit = (step: JsonObject): void => {
    found.add(String(step.id));
    for (const inner of innersOf(rules, step)) inner.steps.forEach(visit);
  };
  graphOf(body).steps.forEach(visit);
  return found;
}

export function freeId(wish: string, taken: Set<string>): string {
  const base = wish.replace(/_\d+$/, "");
  if (!taken.has(wish)) return wish;
  let number = 2;
  while (taken.has(`${base}_${number}`)) number += 1;
  return `${base}_${number}`;
}

export function newStep(look: KindLook, taken: Set<string>): JsonObject {
  return { id: freeId(look.kind, taken), kind: look.kind, with: structuredClone(look.with ?? {}) };
}

function bodyAt(document: JsonObject, at: Path): JsonObject {
  const body = at.length ? valueAt(document, at) : document;
  return isObject(body) ? body : {};
}

export function edgesAt(document: JsonObject, frame: Frame): Json[] {
  return graphOf(bodyAt(document, frame.at)).edges;
}

// Puts steps and edges into a body, or a step into the row of a container.
export function insertSteps(
  document: JsonObject, rules: Rules, frame: Frame, steps: JsonObject[], edges: Json[],
): JsonObject {
  if (frame.kind === "row") {
    return steps.reduce((present, step) => insertRow(present, rules, frame, step), document);
  }
  let present = document;
  for (const step of steps) present = set(present, [...frame.at, "steps", String(step.id)], step);
  for (const edge of edges) {
    const ends = endsOf(edge);
    if (ends) present = set(present, [...frame.at, "edges", `${(edge as JsonObject).from}>${ends.target}`], edge);
  }
  return present;
}

function insertRow(document: JsonObject, rules: Rules, frame: Frame, step: JsonObject): JsonObject {
  const container = bodyAt(document, frame.at);
  const source = (rules.bodies[String(container.kind)] ?? []).find((one) => one.holds === "step");
  const star = source?.path.indexOf("*") ?? -1;
  if (!source || star < 0) return document;
  const base = [...frame.at, ...source.path.slice(0, star)];
  const rest = source.path.slice(star + 1);
  const holder = valueAt(document, base);
  const isList = Array.isArray(holder) || container.kind !== "plan" && container.kind !== "supervisor";
  const id = String(step.id);
  if (!isList) {
    const { id: _named, ...unnamed } = step;
    return set(document, [...base, id], rest.length ? { [rest[0]!]: unnamed } : unnamed);
  }
  const item = rest.length ? { name: id, [rest[0]!]: step } : step;
  return set(document, base, [...(Array.isArray(holder) ? holder : []), item]);
}

export function connect(document: JsonObject, frame: Frame, source: string, port: string, target: string): JsonObject {
  const from = fromText(source, port);
  return set(document, [...frame.at, "edges", `${from}>${target}`], { from, to: target });
}

export function disconnect(document: JsonObject, frame: Frame, place: string): JsonObject {
  return set(document, [...frame.at, "edges", place], undefined);
}

// Takes boxes away, with the edges that touch them and where they were drawn.
export function removeBoxes(document: JsonObject, graph: Graph, ids: string[]): JsonObject {
  const boxes = ids.map((id) => graph.boxes.get(id)).filter((box): box is Box => box !== undefined);
  const inside = (box: Box) => boxes.some((other) => other !== box && box.id.startsWith(`${other.id}.`));
  let present = document;
  // From the end, so that the places of a list stay what they were.
  for (const box of boxes.filter((one) => !inside(one)).toReversed()) {
    const frame = graph.frames.get(box.frame)!;
    if (box.type === "state") present = removeState(present, frame, box.place);
    else if (frame.kind === "row") present = removeFromRow(present, frame, box);
    else present = removeStep(present, frame, box.place);
    present = forget(present, frame, box.place);
  }
  return present;
}

function removeStep(document: JsonObject, frame: Frame, id: string): JsonObject {
  let present = document;
  for (const edge of edgesAt(document, frame)) {
    const ends = endsOf(edge);
    if (ends && (ends.source === id || ends.target === id)) {
      present = disconnect(present, frame, `${(edge as JsonObject).from}>${ends.target}`);
    }
  }
  return set(present, [...frame.at, "steps", id], undefined);
}

function removeFromRow(document: JsonObject, frame: Frame, box: Box): JsonObject {
  const deep = box.at.slice(frame.at.length); // with, options, 0 or with, tiers, 0, step
  const item = [...frame.at, ...deep.slice(0, 3)];
  const holder = valueAt(document, item.slice(0, -1));
  if (!Array.isArray(holder)) return set(document, item, undefined);
  return set(document, item.slice(0, -1), holder.filter((_, index) => String(index) !== deep[2]));
}

function removeState(document: JsonObject, frame: Frame, name: string): JsonObject {
  const at = [...frame.at, "with"];
  const kept = transitionsAt(document, frame).flatMap((one): Json[] => {
    if (!isObject(one)) return [one];
    if (one.to === name) return [];
    if (!Array.isArray(one.from)) return one.from === name ? [] : [one];
    const from = one.from.filter((source) => source !== name);
    return from.length ? [{ ...one, from }] : [];
  });
  let present = set(document, [...at, "states", name], undefined);
  present = set(present, [...at, "transitions"], kept);
  if (valueAt(present, [...at, "initial"]) !== name) return present;
  const first = Object.keys((valueAt(present, [...at, "states"]) as JsonObject | undefined) ?? {})[0];
  return set(present, [...at, "initial"], first ?? "");
}

export function transitionsAt(document: JsonObject, frame: Frame): Json[] {
  const list = valueAt(document, [...frame.at, "with", "transitions"]);
  return Array.isArray(list) ? list : [];
}

export function addTransition(
  document: JsonObject, frame: Frame, from: string, to: string, trigger: string,
): JsonObject {
  const list = [...transitionsAt(document, frame), { trigger, from, to }];
  return set(document, [...frame.at, "with", "transitions"], list);
}

export function removeTransitions(document: JsonObject, frame: Frame, from: string, to: string): JsonObject {
  const list = transitionsAt(document, frame).flatMap((one): Json[] => {
    if (!isObject(one) || one.to !== to) return [one];
    if (!Array.isArray(one.from)) return one.from === from ? [] : [one];
    const rest = one.from.filter((source) => source !== from);
    return rest.length ? [{ ...one, from: rest }] : [];
  });
  return set(document, [...frame.at, "with", "transitions"], list);
}

export function addState(document: JsonObject, frame: Frame, wish: string): [JsonObject, string] {
  const states = valueAt(document, [...frame.at, "with", "states"]);
  const name = freeId(wish, new Set(isObject(states) ? Object.keys(states) : []));
  let present = set(document, [...frame.at, "with", "states", name], {});
  if (!valueAt(present, [...frame.at, "with", "initial"])) {
    present = set(present, [...frame.at, "with", "initial"], name);
  }
  return [present, name];
}

// Forgets where a box and its edges were drawn.
function forget(document: JsonObject, frame: Frame, place: string): JsonObject {
  let present = document;
  const prefix = frame.prefix + place;
  for (const key of Object.keys(frame.layout)) {
    const [from, to] = key.split(">");
    const isOf = key === prefix || key.startsWith(`${prefix}/`) ||
      (to !== undefined && (from === prefix || from!.startsWith(`${prefix}.`) || frame.prefix + to === prefix));
    if (isOf) present = set(present, [...frame.layoutAt, key], undefined);
  }
  return present;
}
