// Where things are on the stage: the first view, the focus, the frame under a point.
import type { ReactFlowInstance, Viewport } from "@xyflow/react";
import type { Editor } from "../edit/editor.ts";
import type { Point } from "../model/types.ts";
import type { BoxNode, LinkEdge } from "./flow.ts";
import { absolute, receiverAt } from "./places.ts";

export type Question =
  | { kind: "port"; source: string; target: string }
  | { kind: "transition"; frame: string; from: string; to: string }
  | { kind: "add"; source: string; port: string; at: { x: number; y: number } }
  | { kind: "drop"; look: string; frame: string; at: Point; into: string };
export type Ask = (question: Question) => void;

const READABLE = 0.75;
const EDGE = 28; // what stays between a box and the rim of the stage

// The first view can be read: never below 75 %, at the start of the graph.
export function readable(editor: Editor, width = 900, height = 600): Viewport {
  const rects = [...absolute(editor).values()];
  if (!rects.length) return { x: width / 2 - 100, y: 40, zoom: 1 };
  const left = Math.min(...rects.map((one) => one.x));
  const right = Math.max(...rects.map((one) => one.x + one.width));
  const top = Math.min(...rects.map((one) => one.y));
  const bottom = Math.max(...rects.map((one) => one.y + one.height));
  const fit = Math.min((width - 48) / (right - left), (height - 96) / (bottom - top));
  const zoom = Math.max(READABLE, Math.min(1, fit));
  const first = rects.toSorted((one, two) => one.y - two.y)[0]!;
  const fits = (right - left) * zoom <= width - 32;
  const middle = fits ? (left + right) / 2 : first.x + first.width / 2;
  // What is wider than the view is shown from its start.
  const x = Math.max(width / 2 - middle * zoom, fits || first.width * zoom < width ? -Infinity : EDGE - first.x * zoom);
  return { x, y: EDGE - top * zoom, zoom };
}

// How far a stretch must go to lie between two ends; where it is too long, its start is shown.
export function shift(from: number, length: number, least: number, most: number): number {
  if (from < least || length > most - least) return least - from;
  return Math.min(0, most - from - length);
}

// Brings a box into sight, moving the view no more than needed, and gives it the focus of the keyboard.
export function focusBox(
  stage: HTMLElement | null, flow: ReactFlowInstance<BoxNode, LinkEdge>, editor: Editor, id: string, tries = 12,
): void {
  const rect = absolute(editor).get(id);
  if (!rect) stage?.focus({ preventScroll: true });
  if (!stage || !rect) return;
  if (tries === 12) {
    const { x, y, zoom } = flow.getViewport();
    if (zoom < READABLE) {
      void flow.setCenter(rect.x + rect.width / 2, rect.y + Math.min(rect.height / 2, 120), { zoom: READABLE, duration: 0 });
    } else {
      const dx = shift(rect.x * zoom + x, rect.width * zoom, EDGE, stage.clientWidth - EDGE);
      const below = (stage.querySelector(".overview") ?? stage.querySelector(".bar")!).clientHeight + 12;
      const dy = shift(rect.y * zoom + y, Math.min(rect.height * zoom, 80), EDGE, stage.clientHeight - below - EDGE);
      if (dx || dy) void flow.setViewport({ x: x + dx, y: y + dy, zoom }, { duration: 0 });
    }
  }
  // Never out of a field that somebody writes in.
  const present = document.activeElement;
  if (present?.matches("input, textarea, select") && !stage.contains(present)) return;
  const found = stage.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
  if (found) found.focus({ preventScroll: true });
  if (document.activeElement !== found && tries > 0) {
    requestAnimationFrame(() => focusBox(stage, flow, editor, id, tries - 1));
  }
}

// Gives the box under a point that takes a step in, and the point in it.
export function dropPlace(editor: Editor, { x, y }: { x: number; y: number }, dragged: string[] = []): { frame: string; at: Point } {
  const frame = receiverAt(editor, [x, y], dragged);
  const origin = frame ? absolute(editor).get(frame)! : { x: 0, y: 0 };
  return { frame, at: [x - origin.x - 104, y - origin.y - 26] };
}

// Marks the box that would take in what is dragged.
export function showReceiver(stage: HTMLElement | null, id: string | undefined): void {
  stage?.querySelector("[data-receives]")?.removeAttribute("data-receives");
  if (id) stage?.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`)?.setAttribute("data-receives", "");
}
