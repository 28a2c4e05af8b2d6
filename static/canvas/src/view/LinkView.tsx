import { useInternalNode, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import type { Link } from "../model/graph.ts";
import type { Rect } from "../model/layout.ts";
import { curve, orthogonal, type Way } from "../model/route.ts";
import type { Point } from "../model/types.ts";
import { linkState } from "../run/states.ts";
import { useShared, useStepState } from "./context.ts";
import type { LinkEdge } from "./flow.ts";

type Internal = ReturnType<typeof useInternalNode>;

function rectOf(node: Internal): Rect {
  const { x, y } = node!.internals.positionAbsolute;
  return { x, y, width: node!.width ?? node!.measured.width ?? 0, height: node!.height ?? node!.measured.height ?? 0 };
}

function stands(node: Internal, [x, y]: Point): boolean {
  return Math.abs(node!.position.x - x) < 1 && Math.abs(node!.position.y - y) < 1;
}

export const LinkView = memo(function LinkView(props: EdgeProps<LinkEdge>) {
  const { data, source, target, sourceX, sourceY, targetX, targetY, sourcePosition } = props;
  const { states } = useShared();
  const from = useInternalNode(source);
  const to = useInternalNode(target);
  const frame = useInternalNode(data?.link.frame ?? "");
  if (!data || !from || !to) return null;
  const { link } = data;
  const origin: Point = frame ? [frame.internals.positionAbsolute.x, frame.internals.positionAbsolute.y] : [0, 0];
  const holds = stands(from, data.at[0]) && stands(to, data.at[1]);
  const points = holds ? data.points.map(([x, y]): Point => [x + origin[0], y + origin[1]]) : [];
  let way: Way;
  if (link.kind === "edge" || link.kind === "order") {
    const side = sourcePosition === "right" ? "right" : "bottom";
    way = orthogonal([sourceX, sourceY], side, [targetX, targetY], points);
  } else {
    way = curve(rectOf(from), rectOf(to), points);
    if (holds && data.label) way = { ...way, label: [data.label[0] + origin[0], data.label[1] + origin[1]] };
  }
  const look = `${link.kind}${link.isFailure ? " failing" : ""}`;
  return states.isOn
    ? <RunLink link={link} way={way} look={look} />
    : <Drawn way={way} look={look} label={link.label} id={link.id} />;
});

function RunLink({ link, way, look }: { link: Link; way: Way; look: string }) {
  const { editor } = useShared();
  const source = useStepState(editor.graph.boxes.get(link.source)?.runAt ?? "");
  const target = useStepState(editor.graph.boxes.get(link.target)?.runAt ?? "");
  const isWalked = link.kind === "transition" ? source !== undefined && target !== undefined : false;
  const state = link.kind === "transition"
    ? isWalked ? "taken" : "dead"
    : link.kind === "order" ? (target ? "taken" : "todo")
    : linkState(source, link.port, target, editor.leaving(link.source) === 1);
  return <Drawn way={way} look={`${look} ${state}`} label={link.label} id={link.id} />;
}

function Drawn({ way, look, label, id }: { way: Way; look: string; label: string; id: string }) {
  const lines = label ? label.split("\n") : [];
  const arrow = look.includes("failing") ? "wc-arrow-fail" : "wc-arrow";
  return (
    <>
      <path className="react-flow__edge-interaction" d={way.path} fill="none" strokeOpacity={0} strokeWidth={20} />
      <path id={id} className={`react-flow__edge-path ${look}`} d={way.path} markerEnd={`url(#${arrow})`} />
      {lines.length ? (
        <text className={`lb ${look}`} x={way.label[0]} y={way.label[1] - (lines.length - 1) * 7} textAnchor="middle" dominantBaseline="central">
          <title>{label}</title>
          {lines.map((line, index) => <tspan key={index} x={way.label[0]} dy={index ? 14 : 0}>{line.length > 40 ? `${line.slice(0, 39)}…` : line}</tspan>)}
        </text>
      ) : null}
    </>
  );
}

export function Arrows() {
  return (
    <svg className="arrows" aria-hidden="true">
      <defs>
        {["wc-arrow", "wc-arrow-fail"].map((id) => (
          <marker key={id} id={id} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" orient="auto" markerUnits="userSpaceOnUse">
            <path d="M0.6 0.8 7.4 4 0.6 7.2z" />
          </marker>
        ))}
      </defs>
    </svg>
  );
}
