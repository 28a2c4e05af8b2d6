// The states of a machine, and the ways between them.
import { isObject, valueAt } from "./changes.ts";
import type { JsonObject } from "./types.ts";

export function statesOf(step: JsonObject): Record<string, JsonObject> {
  const states = valueAt(step, ["with", "states"]);
  if (!isObject(states)) return {};
  return Object.fromEntries(Object.entries(states).map(([name, state]) => [name, isObject(state) ? state : {}]));
}

export interface Transition {
  index: number;
  from: string;
  to: string;
  trigger: string;
  guard: string;
  label: string;
}

// Gives each way from a state to a state, with what fires it: `pay [amount > 0]`.
export function transitionsOf(step: JsonObject): Transition[] {
  const list = valueAt(step, ["with", "transitions"]);
  const states = statesOf(step);
  return (Array.isArray(list) ? list : []).flatMap((one, index) => {
    if (!isObject(one) || typeof one.to !== "string") return [];
    const to = one.to;
    const sources = (Array.isArray(one.from) ? one.from : [one.from]).filter((name): name is string => typeof name === "string");
    const trigger = typeof one.trigger === "string" ? one.trigger : "";
    const guard = typeof one.guard === "string" ? one.guard : "";
    return sources.map((from) => {
      const after = valueAt(states[from], ["timeout", "trigger"]) === trigger
        ? valueAt(states[from], ["timeout", "after"])
        : undefined;
      const label = `${after === undefined ? "" : `after ${after}: `}${trigger}${guard ? ` [${guard}]` : ""}`;
      return { index, from, to, trigger, guard, label };
    });
  });
}

export function stateSummary(state: JsonObject, inside: number): string {
  if (state.terminal === true) return "Last state";
  const after = valueAt(state, ["timeout", "after"]);
  const words = inside ? [`${inside} step${inside === 1 ? "" : "s"}`] : [];
  if (typeof after === "string") words.push(`at most ${after}`);
  return words.join(" · ") || "Waits for a trigger";
}
