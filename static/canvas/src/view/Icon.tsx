import { useShared } from "./context.ts";

// People stand out dark, agents in the accent's colour.
export function toneOf({ kind, shape }: { kind: string; shape: string }): string {
  return shape === "people" ? " person" : kind === "agent" ? " ai" : "";
}

export function Icon({ name, size = "" }: { name: string; size?: "" | "s" | "xs" }) {
  const { sprite } = useShared();
  return <svg className={`i ${size}`} aria-hidden="true"><use href={`${sprite}#${name}`} /></svg>;
}
