// Where each step of a run stands, one small store for each node: a frame never redraws the rest.
export interface StepState {
  state: string;
  reason?: string;
  port?: string | null;
  ms?: number;
  done?: number; // of a container: how many of its items have ended
  total?: number;
  sample?: string; // the path of one step run at this place
}

type Listener = () => void;

export class States {
  private readonly states = new Map<string, StepState>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly pending = new Map<string, StepState>();
  private request = 0;
  sequence = -1;
  isOn = false; // whether anything is painted at all

  get(path: string): StepState | undefined {
    return this.states.get(path);
  }

  subscribe(paths: string[], listener: Listener): () => void {
    for (const path of paths) {
      const own = this.listeners.get(path) ?? new Set();
      this.listeners.set(path, own.add(listener));
    }
    return () => {
      for (const path of paths) this.listeners.get(path)?.delete(listener);
    };
  }

  // Takes what a frame says; everything of one picture is shown at once.
  put(path: string, state: Partial<StepState> & { state: string }): void {
    const known = this.pending.get(path) ?? this.states.get(path);
    this.pending.set(path, { ...known, ...state });
    this.request ||= requestAnimationFrame(() => this.flush());
  }

  flush(): void {
    this.request = 0;
    const woken = new Set<Listener>();
    for (const [path, state] of this.pending) {
      this.states.set(path, state);
      for (const listener of this.listeners.get(path) ?? []) woken.add(listener);
    }
    this.pending.clear();
    for (const listener of woken) listener();
  }

  counts(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { state } of this.states.values()) found[state] = (found[state] ?? 0) + 1;
    return found;
  }
}

const OPEN = new Set(["ready", "running", "waiting", "compensating"]);

// Tells whether a link was taken, died, or is still open.
export function linkState(
  source: StepState | undefined, port: string, target: StepState | undefined, isOnly: boolean,
): "todo" | "taken" | "dead" {
  if (!source || OPEN.has(source.state)) return "todo";
  if (source.port === undefined || source.port === null) {
    if (source.state === "skipped") return target && target.state !== "skipped" ? "taken" : "dead";
    const own = source.state === "succeeded" ? "done" : "error";
    if (source.port === undefined && !isOnly) return target && target.state !== "skipped" ? "taken" : "dead";
    return port === own ? "taken" : "dead";
  }
  return source.port.split(",").includes(port) ? "taken" : "dead";
}
