// What the canvas shows and every way to change it; React only draws it.
import { applyChanges, between } from "../model/changes.ts";
import { Survey, type Graph } from "../model/graph.ts";
import { draw, type Drawn } from "../model/layout.ts";
import type { CanvasDocument, Change, JsonObject, KindLook, PaletteGroup, Problem, Rules } from "../model/types.ts";
import { History } from "./history.ts";

export type Mode = "edit" | "run" | "states";

export interface EditorHost {
  onChanges: (changes: Change[], label: string) => void;
  onSelect: (ids: string[]) => void;
  onSay: (text: string) => void;
  onOpened: (opened: Record<string, boolean>) => void;
}

const COUNTED = new Set(["map", "loop"]);
const OPEN_UP_TO = 12; // boxes inside; larger containers start closed

export class Editor {
  definition: JsonObject;
  problems: Problem[];
  readonly rules: Rules;
  readonly palette: PaletteGroup[];
  readonly looks = new Map<string, KindLook>();
  readonly history = new History();
  readonly mayEdit: boolean;
  selected: string[] = [];
  active = ""; // the box that holds the focus of the keyboard
  saved = "saved";
  savedDetail = "";
  version = 0;
  graph!: Graph;
  drawn!: Drawn;
  private counted: { graph: Graph; counts: Map<string, number> } | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(
    document: CanvasDocument, readonly mode: Mode, readonly machine: string, readonly host: EditorHost,
    public opened: Record<string, boolean> = {},
  ) {
    this.definition = document.definition;
    this.problems = document.problems;
    this.rules = document.rules;
    this.palette = document.palette;
    this.mayEdit = document.may_edit && mode !== "run";
    for (const group of document.palette) for (const look of group.kinds) this.looks.set(look.kind, look);
    this.survey();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): number => this.version;

  touched(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  private survey(): void {
    // A run shows a map and a loop as one box that counts.
    const isOpen = (id: string, inside: number, depth: number, kind: string): boolean =>
      this.opened[id] ?? (depth < 2 && inside <= OPEN_UP_TO && (this.mode !== "run" || !COUNTED.has(kind)));
    this.graph = new Survey(this.rules, this.looks, isOpen).run(this.definition, this.machine);
    this.drawn = draw(this.graph);
    if (!this.graph.boxes.has(this.active)) this.active = this.graph.frames.get("")?.boxes[0] ?? "";
    this.selected = this.selected.filter((id) => this.graph.boxes.has(id) || this.graph.links.has(id));
  }

  redraw(): void {
    this.survey();
    this.touched();
  }

  // Changes the definition by a function, and remembers how to undo it.
  edit(label: string, produce: (definition: JsonObject) => JsonObject, select?: string[]): boolean {
    if (!this.mayEdit) {
      this.host.onSay("You may look at this draft, not change it.");
      return false;
    }
    const next = produce(this.definition);
    const changes = between(this.definition, next);
    if (!changes.length) return false;
    this.history.push({ label, changes, selection: this.selected });
    this.definition = next;
    this.survey();
    this.host.onChanges(changes, label);
    if (select) this.select(select);
    this.touched();
    return true;
  }

  // A form of the page saved these: they are here to be shown, and to be undone.
  applied(changes: Change[], label: string): void {
    const before = this.definition;
    this.definition = applyChanges(this.definition, changes);
    const real = between(before, this.definition);
    if (real.length) this.history.push({ label, changes: real, selection: this.selected });
    this.redraw();
  }

  replace(definition: JsonObject): void {
    this.definition = definition;
    this.redraw();
  }

  undo(): void {
    this.travel(this.history.undo(), "Undone", "Nothing to undo.");
  }

  redo(): void {
    this.travel(this.history.redo(), "Done again", "Nothing to do again.");
  }

  private travel(deed: { label: string; changes: Change[]; selection: string[] } | undefined, word: string, none: string): void {
    if (!deed || !this.mayEdit) {
      this.host.onSay(none);
      return;
    }
    this.definition = applyChanges(this.definition, deed.changes);
    this.survey();
    this.host.onChanges(deed.changes, `${word}: ${deed.label}`);
    const known = deed.selection.filter((id) => this.graph.boxes.has(id));
    if (known.length) this.select(known);
    this.touched();
    this.host.onSay(`${word}: ${deed.label}.`);
  }

  select(ids: string[]): void {
    const isSame = ids.length === this.selected.length && ids.every((id) => this.selected.includes(id));
    if (isSame) return;
    this.selected = ids;
    const box = ids.find((id) => this.graph.boxes.has(id));
    if (box) this.active = box;
    this.host.onSelect(ids);
    this.touched();
  }

  activate(id: string): void {
    if (id === this.active) return;
    this.active = id;
    this.touched();
  }

  toggle(id: string): void {
    const box = this.graph.boxes.get(id);
    if (!box?.canOpen) return;
    this.opened = { ...this.opened, [id]: !box.isOpen };
    this.host.onOpened(this.opened);
    this.redraw();
    this.host.onSay(`${box.name} ${box.isOpen ? "closed" : "opened"}.`);
  }

  // Opens whatever is closed around a path, so that it can be seen.
  reveal(path: string): string | undefined {
    for (let guard = 0; guard < 12 && !this.graph.boxes.has(path); guard += 1) {
      const around = [...this.graph.boxes.values()]
        .filter((box) => path.startsWith(`${box.id}.`) && box.canOpen && !box.isOpen)
        .sort((one, two) => two.id.length - one.id.length)[0];
      if (!around) break;
      this.opened = { ...this.opened, [around.id]: true };
      this.survey();
    }
    this.touched();
    if (this.graph.boxes.has(path)) return path;
    const parents = [...this.graph.boxes.keys()].filter((id) => path.startsWith(`${id}.`));
    return parents.sort((one, two) => two.length - one.length)[0];
  }

  // Where the boxes of these frames would stand if nobody had moved them.
  tidied(frames: string[]): Drawn {
    return draw(this.graph, (frame) => frames.includes(frame));
  }

  // The box at which step runs of this path are shown.
  placeOfRun(path: string): string {
    return [...this.graph.boxes.values()].find((box) => box.runAt === path)?.id ?? path;
  }

  // How many links leave a box.
  leaving(id: string): number {
    if (this.counted?.graph !== this.graph) {
      const counts = new Map<string, number>();
      for (const link of this.graph.links.values()) counts.set(link.source, (counts.get(link.source) ?? 0) + 1);
      this.counted = { graph: this.graph, counts };
    }
    return this.counted.counts.get(id) ?? 0;
  }

  problemsOf(id: string): Problem[] {
    return this.problems.filter((one) => one.step === id || (one.step?.startsWith(`${id}.`) && !this.graph.boxes.get(id)?.isOpen));
  }
}
