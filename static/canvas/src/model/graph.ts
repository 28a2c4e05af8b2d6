// The definition as boxes, links and frames: what is drawn, with the place of each in the document.
import { isObject, valueAt } from "./changes.ts";
import { statesOf, stateSummary, transitionsOf } from "./machine.ts";
import { endsOf, graphOf, innersOf, isFailure, portsOf } from "./rules.ts";
import type { Json, JsonObject, KindLook, Path, Rules } from "./types.ts";

export interface Box {
  id: string; // the path of the step, such as "each.label"
  runAt: string; // the place of its step runs in a run
  name: string;
  sub: string;
  kind: string;
  look: KindLook;
  type: "step" | "state";
  frame: string; // the frame that it lies in
  place: string; // its key in the layout
  at: Path; // in the document
  spec: JsonObject;
  ports: string[];
  marks: string[];
  inside: number; // how many steps or states are inside
  canOpen: boolean;
  isOpen: boolean;
  isEnd: boolean; // a terminal state
  isStart: boolean; // the initial state
  role: string; // the name of the tier, option or worker that it is
}

export interface Link {
  id: string;
  source: string;
  target: string;
  port: string;
  label: string;
  kind: "edge" | "transition" | "order";
  isFailure: boolean;
  frame: string;
  place: string; // its key in the layout: "from>to"
}

// A graph of its own: the root, a body, the states of a machine, or a row of single steps.
export interface Frame {
  id: string; // the box around it, "" for the root
  kind: "body" | "states" | "row";
  at: Path;
  layoutAt: Path;
  prefix: string;
  boxes: string[];
  links: string[];
  layout: JsonObject;
}

export interface Graph {
  boxes: Map<string, Box>;
  links: Map<string, Link>;
  frames: Map<string, Frame>;
}

export type Opened = (id: string, inside: number, depth: number, kind: string) => boolean;

const UNKNOWN: KindLook = { kind: "", label: "Unknown kind", icon: "circle-help", shape: "card" };
const TOLD = ["tool", "model", "event", "for", "slug", "summary", "type", "agree", "items"];
const MARKS: [string, string][] = [
  ["approval", "user-check"], ["review", "eye"], ["guardrails", "shield-check"], ["undo", "undo-2"],
  ["when", "split"], ["until", "timer"], ["optional", "circle-dashed"],
];

export function humanise(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

export class Survey implements Graph {
  boxes = new Map<string, Box>();
  links = new Map<string, Link>();
  frames = new Map<string, Frame>();

  constructor(
    readonly rules: Rules, readonly looks: Map<string, KindLook>, readonly isOpened: Opened,
  ) {}

  // Draws the root graph, or with `machine` the states of that one state machine.
  run(definition: JsonObject, machine = ""): Graph {
    if (!machine) {
      this.body("", [], definition, "", 0);
      return this;
    }
    const found = stepAt(this.rules, definition, machine);
    if (found) {
      const { step, at } = found;
      const name = String(step.id);
      this.states("", step, at, machine, [...at.slice(0, -2), "layout"], `${name}/`, 0, valueAt(definition, [...at.slice(0, -2), "layout"]));
    }
    return this;
  }

  private body(id: string, at: Path, body: JsonObject, path: string, depth: number): void {
    const { steps, edges, layout } = graphOf(body);
    const frame: Frame = { id, kind: "body", at, layoutAt: [...at, "layout"], prefix: "", boxes: [], links: [], layout };
    this.frames.set(id, frame);
    for (const step of steps) {
      const own = String(step.id);
      this.step(frame, step, [...at, "steps", own], path ? `${path}.${own}` : own, own, "", depth);
    }
    for (const edge of edges) {
      const ends = endsOf(edge);
      const [source, target] = [this.inFrame(frame, path, ends?.source), this.inFrame(frame, path, ends?.target)];
      if (!ends || !source || !target) continue;
      const place = `${(edge as JsonObject).from}>${ends.target}`;
      this.link(frame, {
        source, target, place, port: ends.port, kind: "edge",
        label: ends.port === "done" ? "" : humanise(ends.port),
        isFailure: isFailure(this.rules, ends.port),
      });
    }
    this.together(frame);
  }

  // Ways between the same two steps say all their ports in one label.
  private together(frame: Frame): void {
    const known = new Map<string, Link>();
    for (const link of frame.links.map((id) => this.links.get(id)!)) {
      const key = `${link.source}>${link.target}>${link.isFailure}`;
      const before = known.get(key);
      known.set(key, link); // the last one is drawn above the others
      if (before?.label && link.label) link.label = `${before.label}, ${link.label.toLowerCase()}`;
      if (before?.label) before.label = "";
    }
  }

  private inFrame(frame: Frame, path: string, id: string | undefined): string | undefined {
    const full = path ? `${path}.${id}` : id;
    return full !== undefined && frame.boxes.includes(full) ? full : undefined;
  }

  private link(frame: Frame, link: Omit<Link, "id" | "frame">): void {
    const id = `${frame.id}|${link.place}`;
    if (this.links.has(id)) return;
    this.links.set(id, { ...link, id, frame: frame.id });
    frame.links.push(id);
  }

  private step(
    frame: Frame, step: JsonObject, at: Path, id: string, place: string, role: string, depth: number, runAt = id,
  ): void {
    if (this.boxes.has(id)) return;
    const kind = String(step.kind ?? "");
    const inners = innersOf(this.rules, step);
    const inside = kind === "state_machine"
      ? Object.keys(statesOf(step)).length
      : inners.reduce((sum, inner) => sum + inner.steps.length, 0);
    const canOpen = inners.length > 0 || kind === "state_machine";
    const isOpen = canOpen && this.isOpened(id, inside, depth, kind);
    const look = this.looks.get(kind) ?? { ...UNKNOWN, label: humanise(kind) || UNKNOWN.label };
    this.boxes.set(id, {
      id, runAt, kind, look, place, at, role, inside, canOpen, isOpen, type: "step", frame: frame.id, spec: step,
      name: typeof step.name === "string" && step.name ? step.name : humanise(String(step.id)),
      sub: summary(step, look), ports: portsOf(this.rules, step), isEnd: false, isStart: false,
      marks: MARKS.filter(([name]) => isSet(step[name])).map(([, icon]) => icon),
    });
    frame.boxes.push(id);
    if (!isOpen) return;
    if (kind === "state_machine") {
      this.states(id, step, at, id, frame.layoutAt, `${frame.prefix}${place}/`, depth, frame.layout);
      return;
    }
    const bodies = inners.filter((inner) => inner.holds === "body");
    if (bodies.length) {
      for (const inner of bodies) {
        this.body(id, [...at, ...inner.at], valueAt(step, inner.at) as JsonObject, id, depth + 1);
      }
      return;
    }
    const prefix = `${frame.prefix}${place}/`;
    const row: Frame = { id, kind: "row", at, layoutAt: frame.layoutAt, prefix, boxes: [], links: [], layout: frame.layout };
    this.frames.set(id, row);
    for (const inner of inners) {
      const one = inner.steps[0]!;
      const name = String(one.id);
      this.step(row, one, [...at, ...inner.at], `${id}.${name}`, name, inner.name === name || /^\d+$/.test(inner.name) ? "" : inner.name, depth + 1,
        kind === "escalation" ? `${id}.${inner.name}.${name}` : `${id}.${name}`);
    }
    if (kind === "escalation" || kind === "fallback") {
      row.boxes.slice(1).forEach((target, index) => {
        const source = row.boxes[index]!;
        this.link(row, {
          source, target, place: `${source}>>${target}`, port: "done", kind: "order", isFailure: false,
          label: kind === "fallback" ? "on error" : "hands on",
        });
      });
    }
  }

  private states(
    id: string, step: JsonObject, at: Path, path: string, layoutAt: Path, prefix: string, depth: number,
    layout: Json | undefined,
  ): void {
    const frame: Frame = {
      id, kind: "states", at, layoutAt, prefix, boxes: [], links: [], layout: isObject(layout) ? layout : {},
    };
    this.frames.set(id, frame);
    const initial = valueAt(step, ["with", "initial"]);
    for (const [name, state] of Object.entries(statesOf(step))) {
      const own = `${path}.${name}`;
      const entry = isObject(state.entry) ? state.entry : undefined;
      const inside = entry ? graphOf(entry).steps.length : 0;
      const canOpen = entry !== undefined;
      const isOpen = canOpen && this.isOpened(own, inside, depth + 2, "state");
      this.boxes.set(own, {
        id: own, runAt: own, name: humanise(name), sub: stateSummary(state, inside), kind: "state", type: "state",
        look: { kind: "state", label: "State", icon: state.terminal === true ? "flag" : "circle-dot", shape: "pill" },
        frame: id, place: name, at: [...at, "with", "states", name], spec: state, ports: ["done"], marks: [],
        inside, canOpen, isOpen, isEnd: state.terminal === true, isStart: name === initial, role: "",
      });
      frame.boxes.push(own);
      if (isOpen && entry) this.body(own, [...at, "with", "states", name, "entry"], entry, own, depth + 2);
    }
    this.transitions(frame, step, path);
  }

  private transitions(frame: Frame, step: JsonObject, path: string): void {
    const labels = new Map<string, string[]>();
    for (const { from, to, label } of transitionsOf(step)) {
      const place = `${from}>${to}`;
      labels.set(place, [...(labels.get(place) ?? []), label]);
    }
    for (const [place, texts] of labels) {
      const [from, to] = place.split(">");
      const [source, target] = [`${path}.${from}`, `${path}.${to}`];
      if (!this.boxes.has(source) || !this.boxes.has(target)) continue;
      this.link(frame, { source, target, place, port: "done", kind: "transition", isFailure: false, label: texts.join("\n") });
    }
  }
}

// Finds a step by its path, at any depth, also inside what is closed.
export function stepAt(rules: Rules, definition: JsonObject, path: string): { step: JsonObject; at: Path } | undefined {
  const look = (body: JsonObject, at: Path, prefix: string): { step: JsonObject; at: Path } | undefined => {
    for (const step of graphOf(body).steps) {
      const found = visit(step, [...at, "steps", String(step.id)], prefix ? `${prefix}.${step.id}` : String(step.id));
      if (found) return found;
    }
    return undefined;
  };
  const visit = (step: JsonObject, at: Path, own: string): { step: JsonObject; at: Path } | undefined => {
    if (own === path) return { step, at };
    if (!path.startsWith(`${own}.`)) return undefined;
    for (const inner of innersOf(rules, step)) {
      const prefix = inner.key ? `${own}.${inner.key}` : own;
      const where = [...at, ...inner.at];
      const found = inner.holds === "body"
        ? look(valueAt(step, inner.at) as JsonObject, where, prefix)
        : visit(inner.steps[0]!, where, `${prefix}.${inner.steps[0]!.id}`);
      if (found) return found;
    }
    return undefined;
  };
  return look(definition, [], "");
}

function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && !value.length);
}

function summary(step: JsonObject, look: KindLook): string {
  const settings = isObject(step.with) ? step.with : {};
  for (const name of TOLD) {
    const value = settings[name];
    if ((typeof value === "string" && value) || typeof value === "number") {
      return `${look.label} · ${String(value).slice(0, 80)}`;
    }
  }
  return look.label;
}
