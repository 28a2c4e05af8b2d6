// Feeds the states of a run: what the page came with, then what the socket says.
import type { Json, JsonObject } from "../model/types.ts";
import type { States, StepState } from "./states.ts";

const AGAIN = 1000; // ms between two readings of what a frame cannot say: ports and counts
const SPOKEN = 5000; // ms between two announcements

export class Feed {
  private timer = 0;
  private lastRead = 0;
  private lastSaid = 0;
  private sayTimer = 0;
  private socket: WebSocket | undefined;
  private readonly off = new AbortController();

  constructor(
    readonly states: States, readonly url: string, readonly topic: string, readonly say: (text: string) => void,
  ) {}

  start(data: JsonObject): void {
    this.read(data);
    this.states.flush();
    this.listen();
  }

  // Paints a run that the page did not begin with: its states are read first.
  begin(): void {
    this.listen();
    void this.again();
  }

  private listen(): void {
    this.states.isOn = true;
    const isOfPage = (document.body.dataset.liveTopics ?? "").split(/\s+/).includes(this.topic);
    if (!isOfPage) this.connect();
    // The page has one socket for its own topics; it hands every frame on as an event.
    document.addEventListener("live-frame", (event) => this.frame((event as CustomEvent).detail), { signal: this.off.signal });
    document.body.addEventListener("run-changed", (event) => {
      if ((event as CustomEvent).detail?.resync) this.plan();
    }, { signal: this.off.signal });
  }

  private connect(tries = 0): void {
    if (this.off.signal.aborted || !this.topic) return;
    const url = new URL("/ws/live/", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("topics", this.topic);
    this.socket = new WebSocket(url);
    this.socket.addEventListener("message", (event) => this.frame(JSON.parse(event.data as string)));
    this.socket.addEventListener("close", (event) => {
      if (event.code === 4404 || event.code === 4401) return;
      const wait = Math.min(15_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
      setTimeout(() => this.connect(tries + 1), wait);
    });
  }

  stop(): void {
    this.socket?.close();
    this.off.abort();
    clearTimeout(this.timer);
    clearTimeout(this.sayTimer);
  }

  private frame(frame: { topic: string; sequence: number; steps: [string, string, number][] }): void {
    if (frame.topic !== this.topic) return;
    let needsMore = false;
    for (const [path, state, ms] of frame.steps) {
      if (path.includes("[")) {
        needsMore = true; // one of several at its place: they are counted by the server
        continue;
      }
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

  // Reads {sequence, steps: [[path, state, ms, reason, port, done, total, sample], ...]}.
  private read(data: JsonObject): void {
    if (typeof data.sequence === "number") {
      if (data.sequence < this.states.sequence) return;
      this.states.sequence = data.sequence;
    }
    for (const row of Array.isArray(data.steps) ? data.steps : []) {
      if (!Array.isArray(row) || typeof row[0] !== "string") continue;
      const [path, state, ms, reason, port, done, total, sample] = row as [string, string, ...Json[]];
      const found: StepState = { state };
      if (typeof ms === "number") found.ms = ms;
      if (typeof reason === "string") found.reason = reason;
      if (typeof port === "string" || port === null) found.port = port;
      if (typeof total === "number") Object.assign(found, { done: Number(done ?? 0), total });
      if (typeof sample === "string" && sample) found.sample = sample;
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

