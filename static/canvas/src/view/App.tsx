import { ReactFlowProvider } from "@xyflow/react";
import { useCallback, useMemo, useRef, useState } from "react";
import { addStep, insertSeveral, STATE } from "../edit/adding.ts";
import { link } from "../edit/links.ts";
import type { Editor } from "../edit/editor.ts";
import type { Conflict, Point } from "../model/types.ts";
import type { States } from "../run/states.ts";
import { ConflictDialog, PortDialog, TransitionDialog } from "./Dialogs.tsx";
import { Palette, type Entry } from "./Palette.tsx";
import { Stage } from "./Stage.tsx";
import { SharedContext, useEditor } from "./context.ts";
import { dropPlace, type Question } from "./stage.ts";

export interface AppProps {
  editor: Editor;
  states: States;
  sprite: string;
  shown: { id: string; at: number };
  said: string;
  conflicts: Conflict[];
  onSettled: (mine: Set<string>) => void;
  onProperties: (id: string) => void;
  onAction: (action: string, path: string) => void;
}

export function App(props: AppProps) {
  const { editor, states, sprite } = props;
  const shared = useMemo(() => ({ editor, states, sprite }), [editor, states, sprite]);
  return (
    <SharedContext value={shared}>
      <Workbench {...props} />
    </SharedContext>
  );
}

function Workbench({ shown, said, conflicts, onSettled, onProperties, onAction }: AppProps) {
  const editor = useEditor();
  const search = useRef<HTMLInputElement>(null);
  const workbench = useRef<HTMLDivElement>(null);
  const [question, setQuestion] = useState<Question>();
  const [isOver, setOver] = useState(false);
  // What the next entry of the palette is for: by default it goes after the selection.
  const wish = useRef<{ source: string; port: string; at: { x: number; y: number } } | undefined>(undefined);

  const openPalette = useCallback(() => {
    setOver(true);
    requestAnimationFrame(() => search.current?.focus());
  }, []);
  const back = useCallback(() => {
    wish.current = undefined;
    setOver(false);
    requestAnimationFrame(() => {
      const id = CSS.escape(editor.active);
      workbench.current?.querySelector<HTMLElement>(`.react-flow__node[data-id="${id}"]`)?.focus({ preventScroll: true });
    });
  }, [editor]);
  const ask = useCallback((next: Question) => {
    if (next.kind === "add") {
      wish.current = next;
      openPalette();
    } else if (next.kind === "drop") {
      const look = next.look === STATE.kind ? STATE : editor.looks.get(next.look);
      if (look) addStep(editor, look, { frame: next.frame, at: next.at, into: next.into });
    } else setQuestion(next);
  }, [editor, openPalette]);

  const pick = (entry: Entry): void => {
    const { source, port, at } = wish.current ?? {};
    const selected = source ?? editor.selected.find((id) => editor.graph.boxes.has(id));
    if (entry.action && entry.action.action !== "insert") onAction(entry.action.action, selected ?? "");
    else if (entry.action) insertSeveral(editor, entry.action, selected);
    else if (entry.look) {
      const target = targetOf(editor, entry, selected);
      const place = at && dropPlace(editor, at);
      const point: Point | undefined = place && place.frame === target.frame ? place.at : undefined;
      if (source && port && port !== "done") {
        addStep(editor, entry.look, { frame: target.frame, ...(point ? { at: point } : {}) });
        if (editor.selected[0]) link(editor, source, port, editor.selected[0]);
      } else addStep(editor, entry.look, { ...target, ...(point ? { at: point } : {}) });
    }
    back();
  };
  const close = () => { setQuestion(undefined); back(); };
  return (
    <div className={`wc ${editor.mode}${editor.mayEdit ? " editing" : ""}`} ref={workbench}>
      {editor.mayEdit ? <Palette search={search} onPick={pick} onLeave={back} isOver={isOver} /> : null}
      <ReactFlowProvider>
        <Stage ask={ask} onPalette={openPalette} onProperties={onProperties} shown={shown} />
      </ReactFlowProvider>
      {question?.kind === "port" ? (
        <PortDialog
          name={editor.graph.boxes.get(question.source)?.name ?? ""} ports={editor.graph.boxes.get(question.source)?.ports ?? []}
          onPick={(port) => { link(editor, question.source, port, question.target); close(); }} onClose={close}
        />
      ) : null}
      {question?.kind === "transition" ? <TransitionDialog frame={question.frame} from={question.from} to={question.to} onClose={close} /> : null}
      {conflicts.length ? <ConflictDialog conflicts={conflicts} onDone={onSettled} /> : null}
      <div className="vh" role="status" aria-live="polite">{said}</div>
    </div>
  );
}

// A new step goes after the selected one; into it, where that is an open container with nothing in it.
function targetOf(editor: Editor, entry: Entry, selected: string | undefined): { frame: string; after?: string } {
  const box = selected ? editor.graph.boxes.get(selected) : undefined;
  if (!box) return { frame: rootFrame(editor, entry) };
  const isState = entry.look?.kind === STATE.kind;
  if (isState && box.type === "step" && editor.graph.frames.get(box.id)?.kind === "states") return { frame: box.id };
  if (box.isOpen && !box.inside && !isState) return { frame: box.id };
  if (box.type === "state" && !isState) return { frame: box.id };
  return { frame: box.frame, after: box.id };
}

function rootFrame(editor: Editor, entry: Entry): string {
  const root = editor.graph.frames.get("");
  if (entry.look?.kind !== STATE.kind || root?.kind === "states") return "";
  return [...editor.graph.frames.values()].find((frame) => frame.kind === "states")?.id ?? "";
}
