// Ports, inner bodies and the rules of connecting, read from the table that the server sends.
import { isObject, valueAt } from "./changes.ts";
import type { InnerSource, Json, JsonObject, PortSource, Rules } from "./types.ts";

function texts(value: Json | undefined, field?: string): string[] {
  if (!Array.isArray(value)) return [];
  return value
    .map((item) => (field !== undefined && isObject(item) ? item[field] : item))
    .filter((item): item is string => typeof item === "string");
}

function named(source: PortSource, step: JsonObject): string[] {
  if (source.fixed) {
    const holds = source.if ? valueAt(step, source.if) : true;
    return holds === undefined || holds === null ? [] : source.fixed;
  }
  if (source.outcomes) {
    const body = valueAt(step, source.outcomes);
    const steps = isObject(body) && Array.isArray(body.steps) ? body.steps : [];
    const ends = steps.filter((one) => isObject(one) && one.kind === "end");
    return ends
      .map((one) => valueAt(one, ["with", "outcome"]))
      .filter((name): name is string => typeof name === "string" && name !== "done" && name !== "error");
  }
  if (source.keys) {
    const items = valueAt(step, source.keys);
    if (!isObject(items)) return [];
    const field = source.field ?? "";
    return Object.keys(items).filter((key) => valueAt(items, [key, field]) === true);
  }
  return texts(valueAt(step, source.each ?? []), source.field);
}

// Gives every port that an edge may leave by: done first, those of failure last.
export function portsOf(rules: Rules, step: JsonObject): string[] {
  const kind = String(step.kind ?? "");
  if (rules.ports.none.includes(kind)) return [];
  const found = new Set(rules.ports.always);
  for (const source of [...(rules.ports.kinds[kind] ?? []), ...rules.ports.common]) {
    for (const port of named(source, step)) found.add(port);
  }
  const failing = [...found].filter((port) => isFailure(rules, port));
  return [...[...found].filter((port) => !isFailure(rules, port)), ...failing];
}

// The ports by which a step goes on: one with a default leaves by that or a named one, never by its end.
export function onwardPorts(rules: Rules, ports: string[]): string[] {
  const onward = ports.filter((port) => !isFailure(rules, port));
  return onward.includes("default") ? onward.filter((port) => port !== "done") : onward;
}

export function isFailure(rules: Rules, port: string): boolean {
  return rules.ports.failure.includes(port) || rules.ports.refusal.includes(port);
}

// One graph inside a step: `at` walks to it from the step.
export interface Inner {
  at: string[];
  name: string; // shown where there are several
  key: string; // of paths: "order.created.charge" has the key "created"
  holds: "body" | "step";
  steps: JsonObject[];
  edges: Json[];
  layout: JsonObject;
}

export function innersOf(rules: Rules, step: JsonObject): Inner[] {
  return (rules.bodies[String(step.kind ?? "")] ?? []).flatMap((source) => found(step, source));
}

function found(step: JsonObject, source: InnerSource): Inner[] {
  const star = source.path.indexOf("*");
  if (star < 0) return inner(valueAt(step, source.path), source.path, "", "", source.holds);
  const base = source.path.slice(0, star);
  const rest = source.path.slice(star + 1);
  const holder = valueAt(step, base);
  const entries: [string, Json][] = Array.isArray(holder)
    ? holder.map((item, index) => [String(index), item])
    : isObject(holder)
      ? Object.entries(holder)
      : [];
  return entries.flatMap(([key, item]) => {
    const name = isObject(item) && typeof item.name === "string" && source.holds === "step" ? item.name : key;
    const at = [...base, key, ...rest];
    return inner(valueAt(item, rest), at, name, source.holds === "body" ? key : "", source.holds);
  });
}

function inner(
  value: Json | undefined, at: string[], name: string, key: string, holds: Inner["holds"],
): Inner[] {
  if (!isObject(value)) return [];
  if (holds === "step") {
    const id = typeof value.id === "string" ? value.id : /^\d+$/.test(name) ? `step_${Number(name) + 1}` : name;
    return [{ at, name, key, holds, steps: [{ ...value, id }], edges: [], layout: {} }];
  }
  return [{ at, name, key, holds, ...graphOf(value) }];
}

// The steps, edges and places of a body; what makes no sense in a draft is left out.
export function graphOf(body: JsonObject): { steps: JsonObject[]; edges: Json[]; layout: JsonObject } {
  const steps = Array.isArray(body.steps) ? body.steps : [];
  return {
    steps: steps.filter((one): one is JsonObject => isObject(one) && typeof one.id === "string"),
    edges: Array.isArray(body.edges) ? body.edges : [],
    layout: isObject(body.layout) ? body.layout : {},
  };
}

export interface Ends {
  source: string;
  port: string;
  target: string;
}

export function endsOf(edge: Json): Ends | undefined {
  if (!isObject(edge) || typeof edge.from !== "string" || typeof edge.to !== "string") return undefined;
  const dot = edge.from.indexOf(".");
  if (dot < 0) return { source: edge.from, port: "done", target: edge.to };
  return { source: edge.from.slice(0, dot), port: edge.from.slice(dot + 1) || "done", target: edge.to };
}

export function fromText(source: string, port: string): string {
  return port === "done" ? source : `${source}.${port}`;
}

function message(rules: Rules, code: string): string {
  return rules.connections.find((one) => one.code === code)?.message ?? code;
}

// Says why these may not be connected; gives nothing where they may.
export function refusal(
  rules: Rules, body: { steps: JsonObject[]; edges: Json[] }, wish: Ends,
): string | undefined {
  const source = body.steps.find((step) => step.id === wish.source);
  const target = body.steps.find((step) => step.id === wish.target);
  if (!source || !target) return message(rules, "across_bodies");
  if (source === target) return message(rules, "into_itself");
  if (rules.ports.none.includes(String(source.kind))) return message(rules, "after_end");
  if (!portsOf(rules, source).includes(wish.port)) return message(rules, "unknown_port");
  const edges = body.edges.map(endsOf).filter((one): one is Ends => one !== undefined);
  if (edges.some((one) => one.source === wish.source && one.port === wish.port && one.target === wish.target)) {
    return message(rules, "duplicate");
  }
  return reaches(edges, wish.target, wish.source) ? message(rules, "cycle") : undefined;
}

function reaches(edges: Ends[], from: string, to: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  while (open.length) {
    const here = open.pop()!;
    if (here === to) return true;
    if (seen.has(here)) continue;
    seen.add(here);
    for (const edge of edges) if (edge.source === here) open.push(edge.target);
  }
  return false;
}
