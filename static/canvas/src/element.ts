// The element: gets its data, mounts React, and carries messages between page and editor.
import { createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { Drafting } from "./edit/drafting.ts";
import { Editor, type Mode } from "./edit/editor.ts";
import { openedRead, openedWrite } from "./edit/keep.ts";
import type { Saver } from "./edit/saver.ts";
import { Feed } from "./run/feed.ts";
import { States } from "./run/states.ts";
import type { CanvasDocument, JsonObject } from "./model/types.ts";
import { App } from "./view/App.tsx";

export class CanvasElement extends HTMLElement {
  editor: Editor | undefined;
  private root: Root | undefined;
  private drafting: Drafting | undefined;
  private feed: Feed | undefined;
  private states = new States();
  private said = "";
  private isTold = true;
  private isShowing = false; // the page chose, not a person on the canvas
  private shown = { id: "", at: 0 };
  private leaving: AbortController | undefined;

  connectedCallback(): void {
    this.leaving = new AbortController();
    void this.start();
  }

  disconnectedCallback(): void {
    this.leaving?.abort();
    this.drafting?.stop();
    this.feed?.stop();
    const { root } = this;
    this.root = this.editor = this.drafting = this.feed = undefined;
    queueMicrotask(() => root?.unmount());
  }

  get saver(): Saver | undefined {
    return this.drafting?.saver;
  }

  private get mode(): Mode {
    const mode = this.getAttribute("mode");
    return mode === "run" || mode === "states" ? mode : "edit";
  }

  private async read(): Promise<CanvasDocument> {
    const inline = document.getElementById(this.dataset.graph ?? "");
    if (inline) return JSON.parse(inline.textContent ?? "") as CanvasDocument;
    const response = await fetch(this.getAttribute("src") ?? "", { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    return (await response.json()) as CanvasDocument;
  }

  private async start(): Promise<void> {
    const { signal } = this.leaving!;
    let data: CanvasDocument;
    try {
      data = await this.read();
    } catch (error) {
      if (!signal.aborted) this.failed(error instanceof Error ? error.message : "");
      return;
    }
    if (signal.aborted) return;
    this.editor = new Editor(data, this.mode, this.mode === "states" ? this.getAttribute("path") ?? "" : "", {
      onChanges: (changes, label) => this.saver?.add(changes, label),
      onSelect: (ids) => this.tellSelection(ids),
      onSay: (text) => this.say(text),
      onOpened: (opened) => openedWrite(this.storageKey, opened),
    }, openedRead(this.storageKey));
    if (this.mode === "run") {
      this.feed = this.feedOf(this.getAttribute("states") ?? "", this.getAttribute("topic") ?? "");
      this.feed.start(data as unknown as JsonObject);
    } else {
      this.drafting = new Drafting(this.editor, {
        changes: this.getAttribute("changes"),
        keepAs: this.storageKey,
        read: () => this.read(),
        tell: (name, detail) => this.tell(name, detail),
        toast: (text) => this.toast(text),
        onKnown: () => { if (!this.isTold && this.editor) this.tellSelection(this.editor.selected); },
        onAsked: () => this.render(),
      }, data);
    }
    this.listen(signal);
    const mount = document.createElement("div");
    mount.className = "wc-root";
    this.replaceChildren(mount);
    this.root = createRoot(mount);
    this.render();
    this.setAttribute("ready", "");
    const shows = this.getAttribute("shows");
    if (shows) this.show(shows);
  }

  private feedOf(url: string, topic: string): Feed {
    return new Feed(this.states, url, topic, (text) => this.say(text));
  }

  // Paints a test run on the draft, until the next one or until `number` is nothing.
  private paint(run: { number?: number; topic?: string } | undefined): void {
    this.feed?.stop();
    this.feed = undefined;
    this.states = new States();
    if (run?.number && run.topic) {
      this.feed = this.feedOf(`/runs/RUN-${run.number}/states.json`, run.topic);
      this.feed.begin();
    }
    this.render();
  }

  private failed(detail: string): void {
    if (this.querySelector("svg, ol")) return; // the drawing of the server stays
    const note = document.createElement("p");
    note.className = "wc-failed";
    note.textContent = `The graph could not be read. ${detail} Load the page again.`;
    this.replaceChildren(note);
  }

  private get storageKey(): string {
    return `canvas:${this.getAttribute("changes") ?? location.pathname}:${this.getAttribute("user") ?? ""}`;
  }

  private listen(signal: AbortSignal): void {
    document.addEventListener("canvas:show", (event) => this.show((event as CustomEvent).detail?.path ?? ""), { signal });
    document.addEventListener("canvas:focus", () => this.focusActive(), { signal });
    document.addEventListener("draft:changed", (event) => this.drafting?.changedByForm((event as CustomEvent).detail), { signal });
    document.addEventListener("draft:arrived", (event) => void this.drafting?.arrival.hear((event as CustomEvent).detail?.revision), { signal });
    document.addEventListener("canvas:undo", () => this.editor?.undo(), { signal });
    document.addEventListener("canvas:redo", () => this.editor?.redo(), { signal });
    document.addEventListener("canvas:run", (event) => this.paint((event as CustomEvent).detail), { signal });
    for (const name of ["beforeunload", "pagehide"]) addEventListener(name, () => this.saver?.leave(), { signal });
    addEventListener("online", () => void this.saver?.flush(), { signal });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") void this.saver?.flush();
    }, { signal });
  }

  // The keyboard comes back to the box that it left.
  private focusActive(): void {
    (document.activeElement as HTMLElement | null)?.blur(); // what was written there is saved by that
    this.shown = { id: this.editor?.active ?? "", at: this.shown.at + 1 };
    this.render();
    if (!this.shown.id) this.querySelector<HTMLElement>(".palette input")?.focus();
  }

  // A path may be one of a run, with the indexes of items and iterations.
  show(path: string): void {
    const drawn = this.mode === "run" ? path.replace(/\[\d+\]/g, "") : path;
    const id = this.editor?.reveal(this.editor.placeOfRun(drawn));
    if (!id) return;
    this.shown = { id: this.present(id), at: this.shown.at + 1 };
    this.editor!.activate(id);
    this.isShowing = true;
    this.editor!.select([id]);
    this.isShowing = false;
    this.render();
  }

  // Of a machine of a run, the state that it is in is what is to be seen.
  private present(id: string): string {
    const { graph } = this.editor!;
    if (graph.frames.get(id)?.kind !== "states") return id;
    const isHere = (one: string) => this.states.get(graph.boxes.get(one)!.runAt)?.state === "running";
    return graph.frames.get(id)!.boxes.find(isHere) ?? id;
  }

  // A step that the server does not know yet is told of as soon as it does.
  private tellSelection(ids: string[]): void {
    this.isTold = !ids.some((id) => this.drafting?.isUnknown(this.editor?.graph.boxes.get(id)?.at ?? []));
    if (!this.isTold) {
      void this.saver?.flush();
      return;
    }
    const boxes = ids.map((id) => this.editor!.graph.boxes.get(id)).filter((box) => box !== undefined);
    const machine = (id: string) => id || this.editor!.machine;
    const isRun = this.mode === "run";
    const paths = [...new Set(boxes.map((box) => {
      if (box.type === "state") return machine(box.frame);
      return isRun ? this.states.get(box.runAt)?.sample ?? box.runAt : box.id;
    }))];
    const state = boxes.find((box) => box.type === "state")?.place ?? null;
    this.tell("canvas:select", { paths, state, isShown: this.isShowing });
  }

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  private toast(text: string): void {
    document.dispatchEvent(new CustomEvent("toast", { detail: { text } }));
  }

  private say(text: string): void {
    // The same words twice are said twice.
    this.said = text === this.said ? `${text}\u00a0` : text;
    if (text.startsWith("Not connected.") && text.length > 16) this.toast(text);
    this.render();
  }

  private render(): void {
    if (!this.root || !this.editor) return;
    this.root.render(createElement(App, {
      editor: this.editor,
      states: this.states,
      sprite: this.getAttribute("sprite") ?? "/static/icons/sprite.svg",
      shown: this.shown,
      said: this.said,
      conflicts: this.drafting?.conflicts ?? [],
      onSettled: (mine) => this.drafting?.settle(mine),
      onProperties: this.open,
      onAction: this.act,
    }));
  }

  private readonly open = (id: string): void => {
    const box = this.editor?.graph.boxes.get(id);
    if (!box) return;
    this.editor!.select([id]);
    const isState = box.type === "state";
    this.tell("canvas:open", { path: isState ? box.frame || this.editor!.machine : id, state: isState ? box.place : null });
  };

  private readonly act = (action: string, path: string): void => this.tell("canvas:action", { action, path });
}
