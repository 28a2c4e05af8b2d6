import { useReactFlow, useStore, type ReactFlowState } from "@xyflow/react";
import { useMemo, type PointerEvent } from "react";
import { useEditor } from "./context.ts";
import { absolute } from "./places.ts";

const WIDTH = 150;
const HEIGHT = 104;
const EDGE = 40;

const viewOf = (state: ReactFlowState) => state.transform;
const widthOf = (state: ReactFlowState) => state.width;
const heightOf = (state: ReactFlowState) => state.height;

// Dots that move with the view.
export function Dots() {
  const [x, y, zoom] = useStore(viewOf);
  const gap = 16 * (zoom < 0.4 ? 4 : 1) * zoom;
  return <div className="dots" style={{ backgroundPosition: `${x}px ${y}px`, backgroundSize: `${gap}px ${gap}px` }} />;
}

// The whole graph in small; pressing or drawing moves the view there.
export function Overview() {
  const editor = useEditor();
  const flow = useReactFlow();
  const [x, y, zoom] = useStore(viewOf);
  const width = useStore(widthOf) / zoom;
  const height = useStore(heightOf) / zoom;
  const { version } = editor;
  const boxes = useMemo(() => [...absolute(editor)].map(([id, rect]) => {
    const box = editor.graph.boxes.get(id)!;
    const problem = editor.mode === "run" ? "" : editor.problemsOf(id).find((one) => one.severity === "error") ? "error" : "";
    return { id, rect, look: editor.selected.includes(id) ? "selected" : box.isOpen ? "open" : problem };
  }), [editor, version]);
  if (boxes.length < 5) return null;
  const left = Math.min(...boxes.map(({ rect }) => rect.x)) - EDGE;
  const top = Math.min(...boxes.map(({ rect }) => rect.y)) - EDGE;
  const right = Math.max(...boxes.map(({ rect }) => rect.x + rect.width)) + EDGE;
  const bottom = Math.max(...boxes.map(({ rect }) => rect.y + rect.height)) + EDGE;
  const scale = Math.max((right - left) / WIDTH, (bottom - top) / HEIGHT);
  const [dx, dy] = [left - (WIDTH * scale - (right - left)) / 2, top - (HEIGHT * scale - (bottom - top)) / 2];
  const go = (event: PointerEvent<SVGSVGElement>) => {
    if (!event.buttons && event.type !== "pointerdown") return;
    const frame = event.currentTarget.getBoundingClientRect();
    void flow.setCenter(dx + (event.clientX - frame.left) * scale, dy + (event.clientY - frame.top) * scale, { zoom });
  };
  return (
    <svg
      className="overview" aria-hidden="true" viewBox={`${dx} ${dy} ${WIDTH * scale} ${HEIGHT * scale}`} onPointerDown={go} onPointerMove={go}
    >
      {boxes.map(({ id, rect, look }) => <rect key={id} className={look} x={rect.x} y={rect.y} width={rect.width} height={rect.height} rx={8} />)}
      <rect className="view" x={-x / zoom} y={-y / zoom} width={width} height={height} strokeWidth={1.5 * scale} />
    </svg>
  );
}
