// Which ports of a box are drawn, and where: onward ones below, those of failure at the right.
import type { Box } from "../model/graph.ts";
import { isFailure, onwardPorts } from "../model/rules.ts";
import type { Rules } from "../model/types.ts";

export const MORE = "…"; // stands for the ports that have no dot of their own
const MOST = 6;

export interface Dot {
  port: string;
  side: "bottom" | "right";
  x: number;
  y: number;
  isUsed: boolean;
}

// `used` says of each port in use how far to the right it leads.
export function dotsOf(box: Box, rules: Rules, used: Map<string, number>, width: number, height: number): Dot[] {
  if (box.type === "state") {
    return box.isEnd ? [] : [{ port: "done", side: "bottom", x: width / 2, y: height, isUsed: false }];
  }
  const leading = onwardPorts(rules, box.ports);
  const onward = used.has("done") && !leading.includes("done") ? ["done", ...leading] : leading;
  const failing = box.ports.filter((port) => isFailure(rules, port));
  const shown = fit(onward, used);
  const refused = fit(failing, used);
  return [
    ...shown.map((port, index): Dot => ({
      port, side: "bottom", x: (width * (index + 1)) / (shown.length + 1), y: height, isUsed: used.has(port),
    })),
    ...refused.map((port, index): Dot => ({
      port, side: "right", x: width, y: (Math.min(height, 64) * (index + 1)) / (refused.length + 1), isUsed: used.has(port),
    })),
  ];
}

// Keeps those in use and the first others; what has no room is behind one dot.
function fit(all: string[], used: Map<string, number>): string[] {
  const leading = all.filter((port) => used.has(port)).sort((one, two) => used.get(one)! - used.get(two)!);
  const ports = [...leading, ...all.filter((port) => !used.has(port))];
  if (ports.length <= MOST) return ports;
  const wanted = new Set(ports.filter((port) => used.has(port)));
  for (const port of ports) if (wanted.size < MOST - 1) wanted.add(port);
  return [...ports.filter((port) => wanted.has(port)), MORE];
}
