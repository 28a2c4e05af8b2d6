import { useConnection, useInternalNode, ViewportPortal } from "@xyflow/react";
import { connectRefusal } from "../edit/links.ts";
import { orthogonal } from "../model/route.ts";
import { useShared } from "./context.ts";
import { MORE } from "./ports.ts";

// While a connection is drawn over a step that refuses it, says why.
export function Hint() {
  const { editor } = useShared();
  const connection = useConnection();
  if (!connection.inProgress || !connection.toNode || connection.isValid) return null;
  const port = connection.fromHandle.id ?? "done";
  const why = connectRefusal(editor, connection.fromNode.id, port === MORE ? "done" : port, connection.toNode.id);
  if (!why) return null;
  const { x, y } = connection.to;
  return <ViewportPortal><div className="why" style={{ transform: `translate(${x + 14}px, ${y + 14}px)` }}>{why}</div></ViewportPortal>;
}

// The connection that the keyboard is about to make.
export function Pointing({ source, target }: { source: string; target: string }) {
  const from = useInternalNode(source);
  const to = useInternalNode(target);
  if (!from || !to) return null;
  const start = from.internals.positionAbsolute;
  const end = to.internals.positionAbsolute;
  const { path } = orthogonal(
    [start.x + (from.width ?? 0) / 2, start.y + (from.height ?? 0)], "bottom", [end.x + (to.width ?? 0) / 2, end.y],
  );
  return (
    <ViewportPortal>
      <svg className="pointing" aria-hidden="true"><path d={path} markerEnd="url(#wc-arrow)" /></svg>
      <div className="aim" style={{ transform: `translate(${end.x - 5}px, ${end.y - 5}px)`, width: (to.width ?? 0) + 10, height: (to.height ?? 0) + 10 }} />
    </ViewportPortal>
  );
}
