// Autosave: changes are sent in batches, kept while there is no connection, and never lost.
import { applyChanges, same, squash } from "../model/changes.ts";
import type { Change, Conflict, JsonObject, Problem } from "../model/types.ts";
import { Keep } from "./keep.ts";

export type SaveState = "saved" | "waiting" | "saving" | "offline" | "refused" | "conflict";

export interface SaveAnswer {
  revision: number;
  problems: Problem[];
  merged: boolean;
  definition?: JsonObject;
}

export interface SaverHost {
  url: string;
  token: () => string;
  keepAs: string; // where unsent changes are kept in this browser
  onState: (state: SaveState, detail: string) => void;
  onSaved: (answer: SaveAnswer, unsent: Change[]) => void;
  onConflict: (conflicts: Conflict[], definition: JsonObject, revision: number) => void;
  onRefused: (message: string) => void;
}

const SOON = 400; // ms after the last change
const LATEST = 2000; // ms after the first unsent one
const MOST = 400; // changes of one batch

export class Saver {
  private queue: Change[] = [];
  private flying: Change[] = [];
  private label = "";
  private timer = 0;
  private since = 0;
  private tries = 0;
  private isStopped = false;
  private readonly keeper: Keep;
  state: SaveState = "saved";

  constructor(readonly host: SaverHost, public revision: number) {
    this.keeper = new Keep(host.keepAs);
  }

  get unsent(): Change[] {
    return [...this.flying, ...this.queue];
  }

  get isBusy(): boolean {
    return this.flying.length > 0 || this.state === "conflict";
  }

  // Sends what earlier pages could not send, after `show` has shown it.
  inherit(show: (changes: Change[]) => void): void {
    this.keeper.inherit((changes) => {
      show(changes);
      this.add(changes, "Sent later");
    });
  }

  add(changes: Change[], label: string): void {
    this.queue = squash([...this.queue, ...changes]);
    this.label = label;
    this.keep();
    if (this.state === "conflict") return;
    if (!this.since) this.since = Date.now();
    if (this.state !== "offline") this.tell("waiting");
    this.plan(Math.min(SOON, Math.max(0, this.since + LATEST - Date.now())));
  }

  private plan(wait: number): void {
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = window.setTimeout(() => void this.flush(), wait);
  }

  private keep(): void {
    this.keeper.write({ revision: this.revision, changes: this.unsent, label: this.label });
  }

  private tell(state: SaveState, detail = ""): void {
    this.state = state;
    this.host.onState(state, detail);
  }

  async flush(): Promise<void> {
    if (this.flying.length || !this.queue.length || this.state === "conflict") return;
    this.flying = this.queue.slice(0, MOST);
    this.queue = this.queue.slice(MOST);
    this.since = 0;
    if (this.state !== "offline") this.tell("saving");
    let response: Response;
    try {
      response = await fetch(this.host.url, this.request(this.flying, false));
    } catch {
      this.away();
      return;
    }
    if (response.status >= 500 || response.status === 429) this.away();
    else await this.answered(response);
  }

  private request(changes: Change[], keepalive: boolean): RequestInit {
    return {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": this.host.token() },
      body: JSON.stringify({ revision: this.revision, changes, label: this.label }),
      credentials: "same-origin",
      keepalive,
    };
  }

  private away(): void {
    this.queue = squash([...this.flying, ...this.queue]);
    this.flying = [];
    this.keep();
    this.tries += 1;
    this.tell("offline", String(this.queue.length));
    this.plan(Math.min(15_000, 1000 * 2 ** Math.min(this.tries, 4)));
  }

  private async answered(response: Response): Promise<void> {
    const answer = await response.json().catch(() => ({}));
    if (response.ok) {
      this.revision = answer.revision;
      this.flying = [];
      this.tries = 0;
      this.keep();
      this.host.onSaved(answer as SaveAnswer, this.queue);
      if (this.queue.length) this.plan(0);
      else this.tell("saved");
      return;
    }
    if (response.status === 409 && answer.code === "conflict") {
      this.tell("conflict");
      this.host.onConflict(answer.conflicts, answer.definition, answer.revision);
      return;
    }
    const message = answer.detail ?? answer.title ?? `The server answered ${response.status}.`;
    this.flying = [];
    this.queue = [];
    this.keep();
    this.tell("refused", message);
    this.host.onRefused(message);
  }

  // Goes on after a person chose: `mine` are the paths where their own value shall stand.
  settle(conflicts: Conflict[], mine: Set<string>, definition: JsonObject, revision: number): JsonObject {
    const theirs = new Map(conflicts.map((one) => [JSON.stringify(one.path), one]));
    const changes = this.unsent.flatMap((change): Change[] => {
      const key = JSON.stringify(change.path);
      const conflict = theirs.get(key);
      if (!conflict) return [change];
      if (!mine.has(key)) return [];
      const { was: _was, ...rest } = change;
      return [conflict.theirs === undefined ? rest : { ...rest, was: conflict.theirs }];
    });
    this.flying = [];
    this.queue = changes.filter((change) => !same(change.was, change.value));
    this.revision = revision;
    this.state = "saved";
    this.keep();
    this.tell(this.queue.length ? "waiting" : "saved");
    if (this.queue.length) this.plan(0);
    return applyChanges(definition, this.queue);
  }

  // The page goes away: what is unsent travels on its own; it also stays kept until answered.
  leave(): void {
    if (!this.queue.length || this.state === "conflict") return;
    try {
      void fetch(this.host.url, this.request(this.unsent, true)).catch(() => undefined);
    } catch {
      // Too large to travel alone: it stays kept, and the next page sends it.
    }
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.keeper.stop();
  }
}
