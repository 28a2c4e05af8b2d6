// The canvas by keyboard: one tab stop, arrows to neighbours, M moves, C connects, I puts inside.
import { move, tidy } from "../edit/arrange.ts";
import { moveInto, receivers } from "../edit/containers.ts";
import { connectRefusal, link, remove } from "../edit/links.ts";
import type { Editor } from "../edit/editor.ts";
import { GRID } from "../model/layout.ts";
import { isFailure, onwardPorts } from "../model/rules.ts";
import type { Point } from "../model/types.ts";
import { absolute, neighbour } from "./places.ts";

export interface KeyHost {
  focus: (id: string) => void;
  shift: (places: Map<string, Point> | undefined) => void; // show boxes elsewhere for the moment
  openPalette: () => void;
  openProperties: (id: string) => void;
  target: (source: string, port: string, target: string) => void; // show a connection in the making
  receive: (id: string | undefined) => void; // show what would take the steps in
  askTransition: (frame: string, from: string, to: string) => void;
  zoom: (by: "in" | "out" | "full" | "fit") => void;
  duplicate: () => void;
}

type Doing =
  | { kind: "move"; ids: string[]; by: Point }
  | { kind: "connect"; source: string; port: string; targets: string[]; at: number }
  | { kind: "into"; ids: string[]; targets: string[]; at: number };

const ARROWS: Record<string, Point> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export class Keyboard {
  private doing: Doing | undefined;

  constructor(readonly editor: Editor, readonly host: KeyHost) {}

  // Gives whether the key meant something here.
  press(event: { key: string; shiftKey: boolean; ctrlKey: boolean; metaKey: boolean; altKey: boolean }): boolean {
    const { editor, host } = this;
    if (event.altKey) return false;
    if (event.ctrlKey || event.metaKey) return this.command(event.key.toLowerCase(), event.shiftKey);
    if (this.doing?.kind === "move") return this.moving(event.key, event.shiftKey);
    if (this.doing?.kind === "connect") return this.connecting(event.key);
    if (this.doing?.kind === "into") return this.puttingInto(event.key);
    const arrow = ARROWS[event.key];
    if (arrow) return this.walk(arrow, event.shiftKey);
    const id = editor.active;
    switch (event.key) {
      case "Home": return this.go(this.inOrder()[0]);
      case "End": return this.go(this.inOrder().at(-1));
      case "Enter":
      case "F2": if (id) host.openProperties(id); return true;
      case " ": if (id) editor.toggle(id); return true;
      case "Escape": editor.select([]); return true;
      case "+":
      case "=": host.zoom("in"); return true;
      case "-": host.zoom("out"); return true;
      case "0": host.zoom("full"); return true;
      case "1": host.zoom("fit"); return true;
    }
    if (!editor.mayEdit) return false;
    switch (event.key) {
      case "n":
      case "N": host.openPalette(); return true;
      case "m": this.startMove(); return true;
      case "c": this.startConnect(); return true;
      case "i": this.startInto(); return true;
      case "T": tidy(editor); return true;
      case "Delete":
      case "Backspace":
        remove(editor, editor.selected.length ? editor.selected : [id]);
        host.focus(editor.active);
        return true;
    }
    return false;
  }

  private command(key: string, isShifted: boolean): boolean {
    const { editor, host } = this;
    if (key === "z" && !isShifted) editor.undo();
    else if ((key === "z" && isShifted) || key === "y") editor.redo();
    else if (key === "d") host.duplicate();
    else if (key === "a") {
      const frame = editor.graph.boxes.get(editor.active)?.frame ?? "";
      editor.select([...(editor.graph.frames.get(frame)?.boxes ?? [])]);
      editor.host.onSay(`${editor.selected.length} selected.`);
    } else return false;
    host.focus(editor.active);
    return true;
  }

  cancel(): void {
    if (!this.doing) return;
    if (this.doing.kind === "move") this.host.shift(undefined);
    else if (this.doing.kind === "into") this.host.receive(undefined);
    else this.host.target("", "", "");
    this.doing = undefined;
  }

  private go(id: string | undefined, extend = false): boolean {
    if (!id) return true;
    const { editor, host } = this;
    const selected = extend ? [...new Set([...editor.selected, id])] : [id];
    editor.activate(id);
    editor.select(selected);
    host.focus(id);
    return true;
  }

  private inOrder(): string[] {
    const rects = absolute(this.editor);
    return [...this.editor.graph.boxes.keys()].sort((one, two) => {
      const [a, b] = [rects.get(one)!, rects.get(two)!];
      return a.y - b.y || a.x - b.x;
    });
  }

  private walk(direction: Point, extend: boolean): boolean {
    const { editor } = this;
    if (!editor.graph.boxes.has(editor.active)) return this.go(this.inOrder()[0]);
    return this.go(neighbour(editor, editor.active, direction), extend);
  }

  private startMove(): void {
    const { editor } = this;
    const frame = editor.graph.boxes.get(editor.active)?.frame;
    if (frame === undefined || editor.graph.frames.get(frame)?.kind === "row") {
      editor.host.onSay("This cannot be moved.");
      return;
    }
    const ids = editor.selected.filter((id) => editor.graph.boxes.get(id)?.frame === frame);
    this.doing = { kind: "move", ids: ids.includes(editor.active) ? ids : [editor.active], by: [0, 0] };
    editor.host.onSay("Moving. Arrows move, Enter puts it there, Escape leaves it where it was.");
  }

  private moving(key: string, isShifted: boolean): boolean {
    const doing = this.doing as Extract<Doing, { kind: "move" }>;
    const arrow = ARROWS[key];
    const places = () => new Map(doing.ids.map((id): [string, Point] => {
      const rect = this.editor.drawn.rects.get(id)!;
      return [id, [rect.x + doing.by[0], rect.y + doing.by[1]]];
    }));
    if (arrow) {
      const step = isShifted ? GRID : GRID * 3;
      doing.by = [doing.by[0] + arrow[0] * step, doing.by[1] + arrow[1] * step];
      this.host.shift(places());
      this.editor.host.onSay(`${doing.by[0]} across, ${doing.by[1]} down.`);
    } else if (key === "Enter" || key === "m") {
      const wanted = places();
      this.doing = undefined;
      this.host.shift(undefined);
      if (doing.by[0] || doing.by[1]) move(this.editor, wanted);
      this.editor.host.onSay("Put there.");
    } else if (key === "Escape") {
      this.cancel();
      this.editor.host.onSay("Left where it was.");
    } else if (key === "Tab") {
      this.cancel();
      return false;
    }
    return true;
  }

  private startInto(): void {
    const { editor } = this;
    const frame = editor.graph.boxes.get(editor.active)?.frame;
    const chosen = editor.selected.filter((id) => editor.graph.boxes.get(id)?.frame === frame);
    const ids = chosen.includes(editor.active) ? chosen : [editor.active];
    const targets = receivers(editor, ids);
    if (!targets.length) {
      editor.host.onSay("There is no container that this could go into.");
      return;
    }
    this.doing = { kind: "into", ids, targets, at: 0 };
    this.tellReceiver(" Arrows choose another, Enter moves, Escape stops.");
  }

  private tellReceiver(help = ""): void {
    const { targets, at } = this.doing as Extract<Doing, { kind: "into" }>;
    const box = this.editor.graph.boxes.get(targets[at]!);
    this.host.receive(targets[at]);
    this.editor.host.onSay(`${box ? `Into ${box.name}` : "Out, into the workflow"}, ${at + 1} of ${targets.length}.${help}`);
  }

  private puttingInto(key: string): boolean {
    const doing = this.doing as Extract<Doing, { kind: "into" }>;
    const arrow = ARROWS[key];
    if (arrow) {
      doing.at = (doing.at + arrow[0] + arrow[1] + doing.targets.length) % doing.targets.length;
      this.tellReceiver();
      return true;
    }
    if (!["Enter", "Escape", "Tab"].includes(key)) return true;
    this.cancel();
    if (key === "Enter") {
      moveInto(this.editor, doing.ids, doing.targets[doing.at]!);
      this.host.focus(this.editor.active);
    } else this.editor.host.onSay("Left where it was.");
    return key !== "Tab";
  }

  private startConnect(): void {
    const { editor } = this;
    const box = editor.graph.boxes.get(editor.active);
    if (!box) return;
    const port = this.ports(box.id)[0];
    if (!port) {
      editor.host.onSay(connectRefusal(editor, box.id, "done", box.id) ?? "Nothing leads on from here.");
      return;
    }
    this.doing = { kind: "connect", source: box.id, port, targets: this.targets(box.id, port), at: 0 };
    this.tellTarget("Connecting. ");
  }

  // The ports by which anything can be reached from here.
  private ports(id: string): string[] {
    const box = this.editor.graph.boxes.get(id)!;
    const { rules, graph } = this.editor;
    const used = new Set([...graph.links.values()].filter((one) => one.source === id).map((one) => one.port));
    const own = box.type === "state" ? ["done"] : [...onwardPorts(rules, box.ports), ...box.ports.filter((port) => isFailure(rules, port))];
    return [...own.filter((port) => !used.has(port)), ...own.filter((port) => used.has(port))]
      .filter((port) => this.targets(id, port).length);
  }

  private targets(source: string, port: string): string[] {
    const { editor } = this;
    const frame = editor.graph.boxes.get(source)!.frame;
    const boxes = this.inOrder().filter((id) => editor.graph.boxes.get(id)!.frame === frame);
    const fitting = boxes.filter((id) => !connectRefusal(editor, source, port, id));
    const linked = new Set([...editor.graph.links.values()].filter((one) => one.source === source).map((one) => one.target));
    return [...fitting.filter((id) => !linked.has(id)), ...fitting.filter((id) => linked.has(id))];
  }

  private tellTarget(before = ""): void {
    const doing = this.doing as Extract<Doing, { kind: "connect" }>;
    const target = doing.targets[doing.at]!;
    this.host.target(doing.source, doing.port, target);
    const by = doing.port === "done" ? "" : `By ${doing.port.replace(/_/g, " ")}. `;
    const name = this.editor.graph.boxes.get(target)?.name;
    const help = before ? " Arrows choose another, P another port, Enter connects, Escape stops." : "";
    this.editor.host.onSay(`${before}${by}Target: ${name}, ${doing.at + 1} of ${doing.targets.length}.${help}`);
  }

  private connecting(key: string): boolean {
    const doing = this.doing as Extract<Doing, { kind: "connect" }>;
    const arrow = ARROWS[key];
    if (arrow) {
      const step = arrow[0] + arrow[1];
      doing.at = (doing.at + step + doing.targets.length) % doing.targets.length;
      this.tellTarget();
    } else if (key === "p" || key === "P") {
      const ports = this.ports(doing.source);
      doing.port = ports[(ports.indexOf(doing.port) + 1) % ports.length]!;
      doing.targets = this.targets(doing.source, doing.port);
      doing.at = 0;
      this.tellTarget();
    } else if (key === "Enter") {
      const target = doing.targets[doing.at]!;
      this.cancel();
      this.finish(doing.source, doing.port, target);
    } else if (key === "Escape") {
      this.cancel();
      this.editor.host.onSay("Not connected.");
    } else if (key === "Tab") {
      this.cancel();
      return false;
    }
    return true;
  }

  private finish(source: string, port: string, target: string): void {
    const box = this.editor.graph.boxes.get(source)!;
    if (box.type === "state") this.host.askTransition(box.frame, source, target);
    else link(this.editor, source, port, target);
  }
}
