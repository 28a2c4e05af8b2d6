// Steps as plain text, and back with names that are free here.
import { isObject } from "../model/changes.ts";
import type { Graph } from "../model/graph.ts";
import { endsOf, innersOf } from "../model/rules.ts";
import type { Json, JsonObject, Point, Rules } from "../model/types.ts";
import { edgesAt, freeId } from "./steps.ts";

export interface Clip {
  steps: JsonObject[];
  edges: JsonObject[];
  layout: Record<string, Point>;
}

export function clipOf(
  document: JsonObject, graph: Graph, ids: string[], placeOf: (id: string) => Point,
): Clip | undefined {
  const chosen = ids.map((id) => graph.boxes.get(id)!).filter((box) => box?.type === "step");
  const top = chosen.filter((box) => !chosen.some((other) => box.id.startsWith(`${other.id}.`)));
  const first = top[0];
  if (!first) return undefined;
  const boxes = top.filter((box) => box.frame === first.frame);
  const names = new Set(boxes.map((box) => box.place));
  const edges = edgesAt(document, graph.frames.get(first.frame)!).filter((edge): edge is JsonObject => {
    const ends = endsOf(edge);
    return ends !== undefined && names.has(ends.source) && names.has(ends.target);
  });
  return {
    steps: boxes.map((box) => ({ ...box.spec, id: box.place })),
    edges,
    layout: Object.fromEntries(boxes.map((box) => [box.place, placeOf(box.id)])),
  };
}

export function clipText(clip: Clip): string {
  return JSON.stringify({ format: 1, ...clip }, null, 2);
}

export function clipRead(text: string): Clip | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(found) || !Array.isArray(found.steps)) return undefined;
  const steps = found.steps.filter((step): step is JsonObject =>
    isObject(step) && typeof step.id === "string" && typeof step.kind === "string");
  if (!steps.length || steps.length !== found.steps.length) return undefined;
  const names = new Set(steps.map((step) => step.id));
  const edges = (Array.isArray(found.edges) ? found.edges : []).filter((edge): edge is JsonObject => {
    const ends = endsOf(edge);
    return ends !== undefined && names.has(ends.source) && names.has(ends.target);
  });
  return { steps, edges, layout: isObject(found.layout) ? (found.layout as Record<string, Point>) : {} };
}

// Gives the clip with names that nobody here has; what names its steps follows.
export function renamed(rules: Rules, clip: Clip, taken: Set<string>): Clip & { names: Map<string, string> } {
  const used = new Set(taken);
  const names = new Map<string, string>();
  const note = (step: JsonObject): void => {
    const id = String(step.id);
    if (!names.has(id)) {
      const fresh = freeId(id, used);
      used.add(fresh);
      names.set(id, fresh);
    }
    for (const inner of innersOf(rules, step)) {
      if (inner.holds === "body" || typeof inner.steps[0]?.id === "string") inner.steps.forEach(note);
    }
  };
  clip.steps.forEach(note);
  const changed = new Map([...names].filter(([old, fresh]) => old !== fresh));
  const layout: Record<string, Point> = {};
  for (const [id, point] of Object.entries(clip.layout)) layout[names.get(id) ?? id] = point;
  const edges = clip.edges.map((edge) => edgeRenamed(edge, changed));
  return { steps: clip.steps.map((step) => rename(step, changed, "") as JsonObject), edges, layout, names };
}

function edgeRenamed(edge: JsonObject, names: Map<string, string>): JsonObject {
  const [source, ...port] = String(edge.from).split(".");
  const from = [names.get(source!) ?? source!, ...port].join(".");
  return { ...edge, from, to: names.get(String(edge.to)) ?? edge.to! };
}

function rename(value: Json, names: Map<string, string>, key: string): Json {
  if (!names.size) return value;
  if (typeof value === "string") return expressionRenamed(value, names);
  if (Array.isArray(value)) {
    return value.map((item) => key === "edges" && isObject(item) && endsOf(item) ? edgeRenamed(item, names) : rename(item, names, key));
  }
  if (!isObject(value)) return value;
  const found: JsonObject = {};
  const isStep = typeof value.id === "string" && typeof value.kind === "string";
  for (const [name, item] of Object.entries(value)) {
    if (isStep && name === "id") found[name] = names.get(value.id as string) ?? item;
    else if (name === "layout" && isObject(item) && Array.isArray(value.steps)) found[name] = layoutRenamed(item, names);
    else found[name] = rename(item, names, name);
  }
  return found;
}

function layoutRenamed(layout: JsonObject, names: Map<string, string>): JsonObject {
  return Object.fromEntries(Object.entries(layout).map(([key, item]) => [names.get(key) ?? key, item]));
}

const NAMED = /\bsteps(?:\.([A-Za-z_]\w*)|\[(['"])([^'"]+)\2\])/g;

// Rewrites `steps.old` where it is evaluated: after `=`, in `{{ }}`, and in a bare condition.
export function expressionRenamed(text: string, names: Map<string, string>): string {
  const swap = (source: string) => source.replace(NAMED, (whole, plain: string | undefined, quote, quoted) => {
    const fresh = names.get(plain ?? quoted);
    if (fresh === undefined) return whole;
    return plain !== undefined ? `steps.${fresh}` : `steps[${quote}${fresh}${quote}]`;
  });
  if (text.startsWith("=")) return text.startsWith("==") ? text : swap(text);
  if (text.includes("{{")) return text.replace(/\{\{[\s\S]*?\}\}/g, swap);
  return /\bsteps(\.\w+|\[['"][^'"]+['"]\])\.(\?)?(output|state|error)\b/.test(text) ? swap(text) : text;
}
