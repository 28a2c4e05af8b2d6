// The graph as React Flow wants it; what has not changed stays the same object, so it is not drawn anew.
import { Position, type Edge, type Node, type NodeHandle } from "@xyflow/react";
import type { Editor } from "../edit/editor.ts";
import type { Box, Link } from "../model/graph.ts";
import type { Rect } from "../model/layout.ts";
import type { Point } from "../model/types.ts";
import { dotsOf, type Dot } from "./ports.ts";

export interface BoxData extends Record<string, unknown> {
  box: Box;
  dots: Dot[];
  problem: string; // "", "warning" or "error"
  problemText: string;
  mayEdit: boolean;
  isLinkable: boolean; // steps of a row are not connected by hand
}
export interface LinkData extends Record<string, unknown> {
  link: Link;
  points: Point[];
  label?: Point;
  at: [Point, Point]; // where both ends are drawn: the way holds only while they stand there
}
export type BoxNode = Node<BoxData, "box">;
export type LinkEdge = Edge<LinkData, "link">;

const DOT = 12;

function handlesOf(rect: Rect, dots: Dot[]): NodeHandle[] {
  const own = dots.map((dot): NodeHandle => ({
    id: dot.port, type: "source", position: dot.side === "right" ? Position.Right : Position.Bottom,
    x: dot.x - DOT / 2, y: dot.y - DOT / 2, width: DOT, height: DOT,
  }));
  return [...own, { id: "in", type: "target", position: Position.Top, x: rect.width / 2 - 1, y: -1, width: 2, height: 2 }];
}

export function nodesOf(editor: Editor, before: Map<string, BoxNode>): BoxNode[] {
  const used = new Map<string, Map<string, number>>();
  for (const link of editor.graph.links.values()) {
    const target = editor.drawn.rects.get(link.target)!;
    const own = used.get(link.source) ?? new Map<string, number>();
    used.set(link.source, own.set(link.port, target.x + target.width / 2));
  }
  const selected = new Set(editor.selected);
  const found: BoxNode[] = [];
  const visit = (frameId: string, depth: number): void => {
    for (const id of editor.graph.frames.get(frameId)?.boxes ?? []) {
      found.push(nodeOf(editor, id, frameId, depth, used.get(id) ?? NONE, selected.has(id), before.get(id)));
      if (editor.graph.frames.has(id)) visit(id, depth + 1);
    }
  };
  visit("", 0);
  return found;
}

const NONE = new Map<string, number>();

function nodeOf(
  editor: Editor, id: string, parent: string, depth: number, used: Map<string, number>, selected: boolean,
  before: BoxNode | undefined,
): BoxNode {
  const box = editor.graph.boxes.get(id)!;
  const rect = editor.drawn.rects.get(id)!;
  const dots = dotsOf(box, editor.rules, used, rect.width, rect.height);
  const problems = editor.mode === "run" ? [] : editor.problemsOf(id);
  const problem = problems.some((one) => one.severity === "error") ? "error" : problems.length ? "warning" : "";
  const tabIndex = editor.active === id ? 0 : -1;
  const isSame = before && before.data.box.spec === box.spec && before.data.box.isOpen === box.isOpen &&
    before.data.problem === problem && before.data.box.inside === box.inside && sameDots(before.data.dots, dots) &&
    before.data.box.isStart === box.isStart && before.data.box.role === box.role;
  const stays = isSame && before.position.x === rect.x && before.position.y === rect.y &&
    before.width === rect.width && before.height === rect.height && before.selected === selected &&
    before.domAttributes?.tabIndex === tabIndex && !before.dragging && before.parentId === (parent || undefined);
  if (stays) return before;
  const data = isSame ? before.data : {
    box, dots, problem, problemText: problems.map((one) => one.message).join(" "), mayEdit: editor.mayEdit,
    isLinkable: editor.mayEdit && editor.graph.frames.get(parent)?.kind !== "row",
  };
  return {
    ...(before ? { measured: before.measured } : {}),
    id, type: "box", data, selected,
    position: { x: rect.x, y: rect.y },
    width: rect.width, height: rect.height,
    handles: handlesOf(rect, dots),
    zIndex: depth * 2,
    draggable: editor.mayEdit && editor.graph.frames.get(parent)?.kind !== "row",
    domAttributes: { tabIndex, "aria-roledescription": box.type, "aria-expanded": box.canOpen ? box.isOpen : undefined },
    ariaLabel: spoken(editor, box, problems.length),
    ariaRole: "group",
    className: `${box.isOpen ? "frame" : ""}`,
    ...(parent ? { parentId: parent } : {}),
  };
}

function sameDots(one: Dot[], two: Dot[]): boolean {
  return one.length === two.length && one.every((dot, index) => dot.port === two[index]!.port && dot.x === two[index]!.x &&
    dot.y === two[index]!.y && dot.isUsed === two[index]!.isUsed);
}

export function spoken(editor: Editor, box: Box, problems: number): string {
  const leaving = [...editor.graph.links.values()].filter((link) => link.source === box.id);
  const onward = leaving.map((link) => `${link.label ? `${link.label.replaceAll("\n", " or ")} ` : ""}to ${editor.graph.boxes.get(link.target)?.name}`);
  const parts = [`${box.name}, ${box.type === "state" ? "state" : box.look.label}`];
  if (box.inside) parts.push(`${box.inside} inside`);
  if (problems) parts.push(`${problems} problem${problems === 1 ? "" : "s"}`);
  if (onward.length) parts.push(onward.slice(0, 6).join(", "));
  return parts.join(". ");
}

export function edgesOf(editor: Editor, before: Map<string, LinkEdge>): LinkEdge[] {
  const selected = new Set(editor.selected);
  return [...editor.graph.links.values()].map((link) => {
    const points = editor.drawn.points.get(link.id) ?? [];
    const label = editor.drawn.labels.get(link.id);
    const at: [Point, Point] = [placeOf(editor, link.source), placeOf(editor, link.target)];
    const isSelected = selected.has(link.id);
    const handle = handleOf(editor, link);
    const old = before.get(link.id);
    if (old && old.selected === isSelected && old.sourceHandle === handle &&
      JSON.stringify([old.data!.points, old.data!.at, old.data!.label, old.data!.link]) === JSON.stringify([points, at, label, link])) {
      return old;
    }
    return {
      id: link.id, type: "link", source: link.source, target: link.target, sourceHandle: handle, targetHandle: "in",
      data: { link, points, at, ...(label ? { label } : {}) }, selected: isSelected,
      selectable: editor.mayEdit && link.kind !== "order", reconnectable: editor.mayEdit && link.kind === "edge",
      zIndex: link.frame ? 1 + 2 * link.frame.split(".").length : 0,
    };
  });
}

function placeOf(editor: Editor, id: string): Point {
  const rect = editor.drawn.rects.get(id)!;
  return [rect.x, rect.y];
}

function handleOf(editor: Editor, link: Link): string {
  if (link.kind !== "edge") return "done";
  return editor.graph.boxes.get(link.source)!.ports.includes(link.port) ? link.port : "done";
}
