// Feeds the states of a run: what the page came with, then what the socket says.
import type { Json, JsonObject } from "../model/types.ts";
import { States, type StepState } from "./states.ts";

const AGAIN = 1000; // ms between two readings of what a frame cannot say: ports and counts
const SPOKEN = 5000; // ms between two announcements

export class Feed {
  readonly states = new States();
  private timer = 0;
  private lastRead = 0;
  private lastSaid = 0;
  private sayTimer = 0;
  private readonly off = new AbortController();

  constructor(
    readonly element: HTMLElement, readonly url: string, readonly topic: string, readonly say: (text: string) => void,
  ) {}

  start(data: JsonObject): void {
    this.read(data);
    this.states.flush();
    // The page has one socket; it hands every frame on as an event.
    document.addEventListener("live-frame", (event) => this.frame((event as CustomEvent).detail), { signal: this.off.signal });
    document.body.addEventListener("run-changed", (event) => {
      if ((event as CustomEvent).detail?.resync) this.plan();
    }, { signal: this.off.signal });
  }

  stop(): void {
    this.off.abort();
    clearTimeout(this.timer);
    clearTimeout(this.sayTimer);
  }

  private frame(frame: { topic: string; sequence: number; steps: [string, string, number][] }): void {
    if (frame.topic !== this.topic) return;
    let needsMore = false;
    for (const [path, state, ms] of frame.steps) {
      const known = this.states.get(path);
      const hasEnded = state === "succeeded" || state === "failed" || state === "skipped" || state === "waiting";
      needsMore ||= hasEnded || known?.total !== undefined;
      this.states.put(path, state === known?.state ? { state, ms } : { state, ms, reason: undefined, port: undefined });
    }
    if (needsMore || frame.sequence > this.states.sequence + 1) this.plan();
    this.states.sequence = frame.sequence;
    this.announce();
  }

  private plan(): void {
    if (this.timer || !this.url) return;
    const wait = Math.max(0, this.lastRead + AGAIN - Date.now());
    this.timer = window.setTimeout(() => void this.again(), wait);
  }

  private async again(): Promise<void> {
    this.lastRead = Date.now();
    try {
      const response = await fetch(this.url, { headers: { Accept: "application/json" }, credentials: "same-origin", signal: this.off.signal });
      if (response.ok) this.read((await response.json()) as JsonObject);
    } catch {
      // The next frame asks again.
    } finally {
      this.timer = 0;
    }
  }

  // Reads {sequence, steps: [[path, state, ms, reason, port, done, total], ...]}.
  private read(data: JsonObject): void {
    if (typeof data.sequence === "number") {
      if (data.sequence < this.states.sequence) return;
      this.states.sequence = data.sequence;
    }
    for (const row of Array.isArray(data.steps) ? data.steps : []) {
      if (!Array.isArray(row) || typeof row[0] !== "string") continue;
      const [path, state, ms, reason, port, done, total] = row as [string, string, ...Json[]];
      const found: StepState = { state };
      if (typeof ms === "number") found.ms = ms;
      if (typeof reason === "string") found.reason = reason;
      if (typeof port === "string" || port === null) found.port = port;
      if (typeof total === "number") Object.assign(found, { done: Number(done ?? 0), total });
      this.states.put(path, { reason: undefined, ...found } as StepState);
    }
  }

  private announce(): void {
    if (this.sayTimer) return;
    const wait = Math.max(0, this.lastSaid + SPOKEN - Date.now());
    this.sayTimer = window.setTimeout(() => {
      this.sayTimer = 0;
      this.lastSaid = Date.now();
      const counts = this.states.counts();
      const done = (counts.succeeded ?? 0) + (counts.skipped ?? 0);
      const parts = [`${done} steps done`];
      if (counts.failed) parts.push(`${counts.failed} failed`);
      if (counts.running) parts.push(`${counts.running} running`);
      if (counts.waiting) parts.push(`${counts.waiting} waiting`);
      this.say(`${parts.join(", ")}.`);
    }, wait);
  }
}

