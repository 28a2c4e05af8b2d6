import { useReactFlow, useStore } from "@xyflow/react";
import { align, tidy, type Side } from "../edit/arrange.ts";
import { Icon } from "./Icon.tsx";
import { useEditor } from "./context.ts";

const SIDES: [Side, string, string][] = [
  ["left", "Left edges in line", "⇤"], ["center", "Middles in one column", "↕"],
  ["top", "Upper edges in line", "⤒"], ["middle", "Middles in one row", "↔"],
  ["across", "Side by side", "⋯"], ["down", "One below the other", "⋮"],
];

export function Toolbar({ onFit, onAdd }: { onFit: () => void; onAdd: () => void }) {
  const editor = useEditor();
  const flow = useReactFlow();
  const zoom = useStore((state) => state.transform[2]);
  const boxes = editor.selected.filter((id) => editor.graph.boxes.has(id));
  return (
    <div className="bar" role="toolbar" aria-label="Canvas">
      {editor.mayEdit ? <button type="button" className="add" onClick={onAdd} title="Add a step (N)"><Icon name="plus" size="s" />Add</button> : null}
      <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => void flow.zoomOut()}>−</button>
      <button type="button" className="zoom" aria-label={`Zoom ${Math.round(zoom * 100)} per cent, set to 100`} onClick={() => void flow.zoomTo(1)}>{Math.round(zoom * 100)}%</button>
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => void flow.zoomIn()}>+</button>
      <i />
      <button type="button" aria-label="Show everything" title="Show everything (1)" onClick={onFit}><Icon name="maximize" size="s" /></button>
      {editor.mayEdit ? (
        <>
          <button type="button" onClick={() => tidy(editor)} title="Lay out afresh">Tidy<kbd aria-hidden="true">⇧T</kbd></button>
          <i />
          <button type="button" aria-label="Undo" title={editor.history.done.length ? `Undo: ${editor.history.done.at(-1)!.label}` : "Nothing to undo"} aria-disabled={!editor.history.done.length} onClick={() => editor.undo()}><Icon name="undo-2" size="s" /></button>
          <button type="button" aria-label="Redo" title={editor.history.undone.length ? `Do again: ${editor.history.undone.at(-1)!.label}` : "Nothing to do again"} aria-disabled={!editor.history.undone.length} onClick={() => editor.redo()}><Icon name="redo-2" size="s" /></button>
        </>
      ) : null}
      {editor.mayEdit && boxes.length > 1 ? (
        <>
          <i />
          <span className="aligns" role="group" aria-label={`Align ${boxes.length} steps`}>
            {SIDES.map(([side, word, sign]) => (
              <button key={side} type="button" aria-label={word} title={word} onClick={() => align(editor, side)}><span aria-hidden="true">{sign}</span></button>
            ))}
          </span>
        </>
      ) : null}
    </div>
  );
}

const WORDS: Record<string, string> = {
  saved: "Saved", waiting: "Saving…", saving: "Saving…", conflict: "Waiting for your choice", refused: "Not saved",
};

export function SaveMark() {
  const editor = useEditor();
  if (!editor.mayEdit) return <span className="save">Read only</span>;
  const word = editor.saved === "offline"
    ? `Offline, ${editor.savedDetail} change${editor.savedDetail === "1" ? "" : "s"} kept`
    : WORDS[editor.saved] ?? "";
  return <span className={`save ${editor.saved}`} data-saved={editor.saved}>{word}</span>;
}
