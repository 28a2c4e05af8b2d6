// How a step of a run looks in each state: icon, word and colour family, as everywhere else.
export interface Look {
  icon: string;
  word: string;
  family: string;
}

const STATES: Record<string, Look> = {
  pending: { icon: "circle-dashed", word: "Pending", family: "idle" },
  ready: { icon: "circle-dot", word: "Ready", family: "idle" },
  running: { icon: "circle-play", word: "Running", family: "run" },
  waiting: { icon: "hourglass", word: "Waiting", family: "wait" },
  succeeded: { icon: "circle-check", word: "Succeeded", family: "ok" },
  failed: { icon: "octagon-x", word: "Failed", family: "fail" },
  skipped: { icon: "skip-forward", word: "Skipped", family: "idle" },
  cancelled: { icon: "circle-slash", word: "Cancelled", family: "idle" },
  timed_out: { icon: "alarm-clock", word: "Timed out", family: "fail" },
  compensating: { icon: "undo-2", word: "Compensating", family: "wait" },
  compensated: { icon: "undo-2", word: "Compensated", family: "wait" },
};
const PEOPLE: [string, string] = ["hand", "human"];
const WAITS: Record<string, [icon: string, family: string, word: string]> = {
  approval: [...PEOPLE, "Waiting for approval"],
  review: [...PEOPLE, "Waiting for review"],
  checkpoint: [...PEOPLE, "Waiting at a checkpoint"],
  budget: [...PEOPLE, "Waiting for budget"],
  incident: ["life-buoy", "human", "Incident"],
  event: ["radio", "wait", "Waiting for an event"],
  trigger: ["radio", "wait", "Waiting for a trigger"],
  timer: ["hourglass", "wait", "Waiting for a time"],
  child: ["workflow", "wait", "Waiting for a child run"],
  rate: ["gauge", "wait", "Waiting for the rate limit"],
  exclusive: ["lock", "wait", "Waiting for its turn"],
  retry: ["rotate-cw", "run", "Waiting to retry"],
  breaker: ["rotate-cw", "run", "Waiting for the breaker"],
};

// Where a state of a machine stands: no step waits there to be run.
const NOT_VISITED: Look = { icon: "circle-dashed", word: "Not visited", family: "idle" };

export function lookOf(state: string, reason?: string | null, isState = false): Look {
  if (isState && state === "pending") return NOT_VISITED;
  const wait = state === "waiting" && reason ? WAITS[reason] : undefined;
  if (wait) return { icon: wait[0], family: wait[1], word: wait[2] };
  return STATES[state] ?? { icon: "circle-help", word: state, family: "idle" };
}

export function lasted(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.round((seconds % 86_400) / 3600)} h`;
}
