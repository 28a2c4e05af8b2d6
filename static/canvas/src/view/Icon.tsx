import { useShared } from "./context.ts";

export function Icon({ name, size = "" }: { name: string; size?: "" | "s" | "xs" }) {
  const { sprite } = useShared();
  return <svg className={`i ${size}`} aria-hidden="true"><use href={`${sprite}#${name}`} /></svg>;
}
