import {
  applyEdgeChanges, applyNodeChanges, ConnectionLineType, ReactFlow, SelectionMode,
  useReactFlow, useStoreApi, type Connection, type EdgeChange, type FinalConnectionState, type NodeChange, type OnConnectStartParams,
} from "@xyflow/react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type ClipboardEvent, type DragEvent, type KeyboardEvent, type RefObject } from "react";
import { move } from "../edit/arrange.ts";
import { moveInto } from "../edit/containers.ts";
import { connectRefusal, link, relink, remove } from "../edit/links.ts";
import { copyText, paste } from "../edit/pasting.ts";
import type { Editor } from "../edit/editor.ts";
import { humanise } from "../model/graph.ts";
import { GRID } from "../model/layout.ts";
import type { Point } from "../model/types.ts";
import { BoxView } from "./BoxView.tsx";
import { Hint, Pointing } from "./Hints.tsx";
import { Arrows, LinkView } from "./LinkView.tsx";
import { Dots, Overview } from "./Overview.tsx";
import { DRAGGED } from "./Palette.tsx";
import { SaveMark, Toolbar } from "./Toolbar.tsx";
import { useEditor, useShared } from "./context.ts";
import { edgesOf, nodesOf, type BoxNode, type LinkEdge } from "./flow.ts";
import { Keyboard } from "./keyboard.ts";
import { MORE } from "./ports.ts";
import { dropPlace, focusBox, readable, showReceiver, type Ask } from "./stage.ts";

type PointerAt = Pick<MouseEvent, "clientX" | "clientY"> | Pick<TouchEvent, "changedTouches">;
const NODE_TYPES = { box: BoxView };
const EDGE_TYPES = { link: LinkView };

export function Stage({ ask, onPalette, onProperties, shown }: {
  ask: Ask;
  onPalette: () => void;
  onProperties: (id: string) => void;
  shown: { id: string; at: number };
}) {
  const editor = useEditor();
  const { states } = useShared();
  const flow = useReactFlow<BoxNode, LinkEdge>();
  const stage = useRef<HTMLDivElement>(null);
  const [nodes, setNodes] = useState<BoxNode[]>(() => nodesOf(editor, new Map()));
  const [edges, setEdges] = useState<LinkEdge[]>(() => edgesOf(editor, new Map()));
  const [pointing, setPointing] = useState<[string, string, string]>(["", "", ""]);
  const [isConnecting, setConnecting] = useState(false);
  const wanted = useRef<string[] | undefined>(undefined);
  const store = useStoreApi();
  const tapped = useRef<[string, string] | undefined>(undefined); // a port that waits for the tap on its target
  const { version } = editor;

  useLayoutEffect(() => {
    setNodes((before) => nodesOf(editor, new Map(before.map((node) => [node.id, node]))));
    setEdges((before) => edgesOf(editor, new Map(before.map((edge) => [edge.id, edge]))));
  }, [editor, version]);

  const keyboard = useMemo(() => new Keyboard(editor, {
    focus: (id) => focusBox(stage.current, flow, editor, id),
    shift: (places) => setNodes((before) => before.map((node) => {
      const [x, y] = places?.get(node.id) ?? [editor.drawn.rects.get(node.id)?.x ?? 0, editor.drawn.rects.get(node.id)?.y ?? 0];
      return node.position.x === x && node.position.y === y ? node : { ...node, position: { x, y } };
    })),
    openPalette: onPalette,
    openProperties: onProperties,
    target: (source, port, target) => setPointing([source, port, target]),
    receive: (id) => showReceiver(stage.current, id),
    askTransition: (frame, from, to) => ask({ kind: "transition", frame, from, to }),
    zoom: (by) => {
      if (by === "in") void flow.zoomIn();
      else if (by === "out") void flow.zoomOut();
      else if (by === "full") void flow.zoomTo(1);
      else void flow.fitView({ padding: 0.1 });
    },
    duplicate: () => {
      const text = copyText(editor);
      if (text) paste(editor, text, "Duplicate");
    },
  }), [editor, flow, onPalette, onProperties, ask]);

  const start = useMemo(() => readable(editor), [editor]);
  useEffect(() => {
    void flow.setViewport(readable(editor, stage.current?.clientWidth, stage.current?.clientHeight));
  }, [editor, flow]);
  useEffect(() => {
    if (shown.id) focusBox(stage.current, flow, editor, shown.id);
  }, [shown, editor, flow]);

  const onNodes = useCallback((changes: NodeChange<BoxNode>[]) => {
    setNodes((before) => applyNodeChanges(changes.filter((one) => one.type !== "remove"), before));
    choose(editor, wanted, changes);
  }, [editor]);
  const onEdges = useCallback((changes: EdgeChange<LinkEdge>[]) => {
    setEdges((before) => applyEdgeChanges(changes.filter((one) => one.type !== "remove"), before));
    choose(editor, wanted, changes);
  }, [editor]);

  const made = (connection: Connection): void => {
    const { source, target, sourceHandle } = connection;
    tapped.current = undefined;
    const box = editor.graph.boxes.get(source);
    if (box?.type === "state") ask({ kind: "transition", frame: box.frame, from: source, to: target });
    else if (sourceHandle === MORE) ask({ kind: "port", source, target });
    else link(editor, source, sourceHandle ?? "done", target);
  };
  const refused = (source: string, handle: string | null | undefined, target: string): string | undefined => {
    const port = handle === MORE ? editor.graph.boxes.get(source)?.ports[0] : handle;
    return connectRefusal(editor, source, port ?? "done", target);
  };
  const isValid = ({ source, sourceHandle, target }: Connection | LinkEdge): boolean => !refused(source, sourceHandle, target);
  const ended = (event: MouseEvent | TouchEvent, state: FinalConnectionState): void => {
    setConnecting(false);
    if (state.isValid || !state.fromNode) return;
    if (state.toNode) {
      const why = refused(state.fromNode.id, state.fromHandle?.id, state.toNode.id);
      if (why) editor.host.onSay(`Not connected. ${why}`);
      return;
    }
    const point = "changedTouches" in event ? event.changedTouches[0]! : event;
    const over = document.elementFromPoint(point.clientX, point.clientY);
    if (!over?.closest(".react-flow__pane") || state.fromHandle?.id === MORE) return;
    ask({ kind: "add", source: state.fromNode.id, port: state.fromHandle?.id ?? "done", at: flow.screenToFlowPosition({ x: point.clientX, y: point.clientY }) });
  };
  const tapStarts = (_: unknown, { nodeId, handleId }: OnConnectStartParams): void => {
    tapped.current = [nodeId ?? "", handleId ?? "done"];
    setConnecting(true);
    const name = editor.graph.boxes.get(nodeId ?? "")?.name ?? "";
    editor.host.onSay(`From ${name}${handleId === "done" || handleId === MORE ? "" : ` by ${humanise(handleId ?? "").toLowerCase()}`}: tap the step that follows.`);
  };
  const tapEnds = (event?: { target: EventTarget | null }): void => {
    const [source, port] = tapped.current ?? ["", ""];
    const target = (event?.target as Element | null | undefined)?.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    const why = source && target && refused(source, port, target);
    tapped.current = undefined;
    setConnecting(false);
    store.setState({ connectionClickStartHandle: null });
    if (why) editor.host.onSay(`Not connected. ${why}`);
  };
  // Where steps would go if they were let go here; undefined where they stay in their frame.
  const outside = (event: PointerAt, node: BoxNode, moved: BoxNode[]): { ids: string[]; into: string; at: Point } | undefined => {
    const frame = editor.graph.boxes.get(node.id)?.frame;
    const ids = moved.map((one) => one.id).filter((id) => editor.graph.boxes.get(id)?.frame === frame);
    if (editor.graph.boxes.get(node.id)?.type !== "step" || frame === undefined) return undefined;
    const point = "changedTouches" in event ? event.changedTouches[0]! : event;
    const place = dropPlace(editor, flow.screenToFlowPosition({ x: point.clientX, y: point.clientY }), ids);
    return place.frame === frame ? undefined : { ids: [node.id, ...ids.filter((id) => id !== node.id)], into: place.frame, at: place.at };
  };
  const dragging = (event: PointerAt, node: BoxNode, moved: BoxNode[]): void => {
    showReceiver(stage.current, outside(event, node, moved)?.into);
  };
  const dragged = (event: PointerAt, node: BoxNode, moved: BoxNode[]): void => {
    showReceiver(stage.current, undefined);
    const elsewhere = outside(event, node, moved);
    if (elsewhere) {
      moveInto(editor, elsewhere.ids, elsewhere.into, elsewhere.at);
      editor.touched();
      focusBox(stage.current, flow, editor, editor.active);
      return;
    }
    const places = new Map(moved.map((one): [string, Point] => [one.id, [one.position.x, one.position.y]]));
    const changed = [...places].filter(([id, [x, y]]) => {
      const rect = editor.drawn.rects.get(id);
      return rect && (Math.abs(rect.x - x) > 0.5 || Math.abs(rect.y - y) > 0.5);
    });
    if (changed.length) move(editor, new Map(changed));
    editor.touched();
  };
  const dropped = (event: DragEvent): void => {
    const kind = event.dataTransfer.getData(DRAGGED);
    if (!kind) return;
    event.preventDefault();
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest<SVGElement>(".react-flow__edge");
    const place = dropPlace(editor, flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }));
    ask({ kind: "drop", look: kind, ...place, into: over?.dataset.id ?? "" });
  };
  const pressed = (event: KeyboardEvent): void => {
    if ((event.target as HTMLElement).closest("input, textarea, select, dialog, .bar, .fold")) return;
    if (!keyboard.press(event)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const copied = (event: ClipboardEvent, isCut: boolean): void => {
    const text = copyText(editor);
    if (!text || isTyping(event.target)) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    if (isCut) remove(editor);
    else editor.host.onSay("Copied.");
  };
  const pasted = (event: ClipboardEvent): void => {
    if (isTyping(event.target) || !editor.mayEdit) return;
    event.preventDefault();
    paste(editor, event.clipboardData.getData("text/plain"));
  };

  return (
    <div
      ref={stage} className={`stage${isConnecting ? " connecting" : ""}`} tabIndex={-1} onKeyDown={pressed} onDrop={dropped}
      onDragOver={(event) => { if (editor.mayEdit) event.preventDefault(); }}
      onCopy={(event) => copied(event, false)} onCut={(event) => copied(event, true)} onPaste={pasted}
      onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) keyboard.cancel(); }}
    >
      <Arrows />
      <Dots />
      <ReactFlow<BoxNode, LinkEdge>
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} defaultViewport={start}
        onNodesChange={onNodes} onEdgesChange={onEdges} onNodeDrag={dragging} onNodeDragStop={dragged}
        onSelectionDragStop={(event, moved) => dragged(event, moved[0]!, moved)}
        onConnect={made} isValidConnection={isValid} onConnectStart={(_: unknown, __: OnConnectStartParams) => setConnecting(true)} onConnectEnd={ended}
        onClickConnectStart={tapStarts} onClickConnectEnd={tapEnds} onPaneClick={() => { if (tapped.current) tapEnds(); }}
        onReconnect={(old, connection) => relink(editor, old.id, connection.source, connection.sourceHandle ?? "done", connection.target)}
        onNodeClick={(_, node) => editor.activate(node.id)}
        onNodeDoubleClick={(_, node) => onProperties(node.id)}
        onEdgeDoubleClick={(_, edge) => {
          const one = editor.graph.links.get(edge.id);
          if (one?.kind === "transition" && editor.mayEdit) ask({ kind: "transition", frame: one.frame, from: one.source, to: one.target });
        }}
        onlyRenderVisibleElements={states.isOn || nodes.length > 120} nodesDraggable={editor.mayEdit} nodesConnectable={editor.mayEdit}
        elementsSelectable nodesFocusable edgesFocusable={false} disableKeyboardA11y deleteKeyCode={null} selectionKeyCode="Shift"
        multiSelectionKeyCode={["Meta", "Control", "Shift"]} selectionMode={SelectionMode.Partial} snapToGrid snapGrid={[GRID, GRID]}
        minZoom={0.1} maxZoom={2} connectionRadius={24} connectionLineType={ConnectionLineType.SmoothStep} zoomOnDoubleClick={false}
        panOnScroll nodeDragThreshold={3} proOptions={{ hideAttribution: true }} elevateNodesOnSelect={false}
        aria-label={editor.mode === "run" ? "Graph of the run" : "Graph of the workflow"}
      >
        <Pointing source={pointing[0]} target={pointing[2]} />
        <Hint />
      </ReactFlow>
      {nodes.length ? null : <div className="nothing"><p>{editor.mayEdit ? "Add the first step: drag one here, or press N." : "There are no steps yet."}</p></div>}
      <Toolbar onFit={() => void flow.fitView({ padding: 0.1 })} onAdd={onPalette} />
      <Overview />
      {editor.mode === "run" || document.getElementById("saved") ? null : <SaveMark />}
    </div>
  );

  function isTyping(target: EventTarget): boolean {
    return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
  }
}

// Nodes and edges report what was selected one after the other: both count.
function choose(editor: Editor, wanted: RefObject<string[] | undefined>, changes: (NodeChange<BoxNode> | EdgeChange<LinkEdge>)[]): void {
  for (const change of changes) {
    if (change.type !== "select") continue;
    if (!wanted.current) {
      queueMicrotask(() => {
        const selected = wanted.current;
        wanted.current = undefined;
        if (selected) editor.select(selected);
      });
    }
    const rest = (wanted.current ?? editor.selected).filter((id) => id !== change.id);
    wanted.current = change.selected ? [...rest, change.id] : rest;
  }
}
