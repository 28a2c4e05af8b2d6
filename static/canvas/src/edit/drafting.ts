// The draft between this page and the server: saved, refused, merged, asked about; what others save arrives.
import { applyChanges } from "../model/changes.ts";
import type { CanvasDocument, Change, Conflict, JsonObject, Path, Problem } from "../model/types.ts";
import { Arrival } from "./arrival.ts";
import type { Editor } from "./editor.ts";
import { Saver, type SaveState } from "./saver.ts";

export interface DraftingHost {
  changes: string | null; // where changes are sent; nothing for who may only look
  keepAs: string;
  read: () => Promise<CanvasDocument>;
  tell: (name: string, detail: unknown) => void;
  toast: (text: string) => void;
  onKnown: () => void; // the server knows every step that is here
  onAsked: () => void; // a conflict waits for a choice, or was settled
}

export class Drafting {
  readonly saver: Saver | undefined;
  readonly arrival: Arrival;
  private asked: { list: Conflict[]; definition: JsonObject; revision: number } | undefined;

  constructor(readonly editor: Editor, readonly host: DraftingHost, data: CanvasDocument) {
    if (host.changes && editor.mayEdit) this.saver = this.saving(host.changes, data.revision);
    const take = (newer: CanvasDocument): void => {
      editor.replace(newer.definition);
      this.tellProblems(newer.problems);
      editor.host.onSay("Somebody else changed the draft. It is shown as it is now.");
    };
    this.arrival = new Arrival({ read: host.read, saver: () => this.saver, take }, data.revision);
    this.saver?.inherit((kept) => {
      editor.replace(applyChanges(editor.definition, kept));
      editor.host.onSay(`${kept.length} change${kept.length === 1 ? "" : "s"} that could not be sent earlier ${kept.length === 1 ? "is" : "are"} back.`);
    });
  }

  get conflicts(): Conflict[] {
    return this.asked?.list ?? [];
  }

  private saving(url: string, revision: number): Saver {
    const { editor, host } = this;
    return new Saver({
      url,
      token: () => document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "",
      keepAs: host.keepAs,
      onState: (state, detail) => this.tellState(state, detail),
      onSaved: (answer, unsent) => {
        if (answer.definition) editor.definition = applyChanges(answer.definition, unsent);
        this.tellProblems(answer.problems);
        editor.redraw();
        host.onKnown();
        void this.arrival.hear();
      },
      onConflict: (list, definition, newer) => {
        this.asked = { list, definition, revision: newer };
        host.onAsked();
      },
      onRefused: (message) => void this.refused(message),
    }, revision);
  }

  private async refused(message: string): Promise<void> {
    const { editor, host, saver } = this;
    host.toast(`Not saved. ${message}`);
    try {
      const data = await host.read();
      editor.definition = data.definition;
      if (saver) saver.revision = data.revision;
      this.tellProblems(data.problems);
      editor.redraw();
    } catch {
      editor.host.onSay("The draft could not be read again.");
    }
  }

  readonly settle = (mine: Set<string>): void => {
    const { asked, editor, saver } = this;
    if (!asked || !saver) return;
    this.asked = undefined;
    editor.replace(saver.settle(asked.list, mine, asked.definition, asked.revision));
    this.host.onAsked();
    editor.host.onSay("Merged.");
  };

  // A form of the page saved something: it is shown here, and can be undone here.
  changedByForm(detail: { revision?: number; changes?: Change[]; problems?: Problem[]; label?: string; select?: string } | undefined): void {
    const { editor, saver } = this;
    if (!detail?.changes) return;
    if (saver && typeof detail.revision === "number") saver.revision = Math.max(saver.revision, detail.revision);
    editor.applied(detail.changes, detail.label ?? "Change settings");
    if (detail.select && editor.graph.boxes.has(detail.select)) editor.select([detail.select]);
    if (detail.problems) this.tellProblems(detail.problems);
  }

  // Whether something of this path is still to be sent.
  isUnknown(at: Path): boolean {
    return this.saver?.unsent.some(({ path, was }) =>
      was === undefined && path.length <= at.length && path.every((key, index) => key === at[index])) ?? false;
  }

  stop(): void {
    this.saver?.leave();
    this.saver?.stop();
  }

  private tellProblems(problems: Problem[]): void {
    this.editor.problems = problems;
    this.editor.touched();
    this.host.tell("canvas:problems", { problems });
  }

  private tellState(state: SaveState, detail: string): void {
    const { editor } = this;
    if (editor.saved === state && editor.savedDetail === detail) return;
    if (state === "offline" && editor.saved !== "offline") editor.host.onSay("Offline. Your changes are kept, and sent later.");
    if (state === "saved" && editor.saved === "offline") editor.host.onSay("Back online. Everything is saved.");
    editor.saved = state;
    editor.savedDetail = detail;
    editor.touched();
    this.host.tell("canvas:state", { state, detail, revision: this.saver?.revision });
  }
}
