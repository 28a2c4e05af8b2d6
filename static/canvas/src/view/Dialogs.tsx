import { useEffect, useRef, useState, type ReactNode } from "react";
import { set, transitionsAt } from "../edit/steps.ts";
import { isObject } from "../model/changes.ts";
import { humanise } from "../model/graph.ts";
import type { Conflict, Json, JsonObject } from "../model/types.ts";
import { Icon } from "./Icon.tsx";
import { useEditor } from "./context.ts";

function Modal({ title, onClose, children }: { title: string; onClose?: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref} className="dlg" aria-label={title}
      onKeyDown={(event) => event.stopPropagation()} onCancel={(event) => { event.preventDefault(); onClose?.(); }}
    >
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

function shown(value: Json | undefined): string {
  if (value === undefined) return "(nothing: it is taken away)";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

// Which place of the definition a path names, in words.
export function wordsOf(path: string[]): string {
  const words = path.filter((key, index) => !(key === "steps" || key === "with" || (key === "edges" && index < path.length - 1)));
  return words.map((key) => (key.includes(">") ? key.replace(">", " to ") : humanise(key))).join(" › ");
}

export function ConflictDialog({ conflicts, onDone }: { conflicts: Conflict[]; onDone: (mine: Set<string>) => void }) {
  const [mine, setMine] = useState<Set<string>>(new Set());
  return (
    <Modal title="Somebody changed the same place">
      <p className="t2">Everything else is merged. Choose what shall stand, for each place.</p>
      <div className="conflicts">
        {conflicts.map((one) => {
          const key = JSON.stringify(one.path);
          const choose = (isMine: boolean) => setMine((before) => {
            const next = new Set(before);
            if (isMine) next.add(key);
            else next.delete(key);
            return next;
          });
          return (
            <fieldset key={key}>
              <legend>{wordsOf(one.path)}</legend>
              {[{ isMine: false, word: "Theirs", value: one.theirs }, { isMine: true, word: "Yours", value: one.value }].map(({ isMine, word, value }) => (
                <label key={word} className="side">
                  <span><input type="radio" name={key} checked={mine.has(key) === isMine} onChange={() => choose(isMine)} /> {word}</span>
                  <pre>{shown(value)}</pre>
                </label>
              ))}
            </fieldset>
          );
        })}
      </div>
      <footer>
        <button type="button" className="btn" onClick={() => onDone(new Set())}>Take all of theirs</button>
        <button type="button" className="btn" onClick={() => onDone(new Set(conflicts.map((one) => JSON.stringify(one.path))))}>Keep all of yours</button>
        <button type="button" className="btn p" onClick={() => onDone(mine)}>Go on</button>
      </footer>
    </Modal>
  );
}

export function PortDialog({ ports, name, onPick, onClose }: {
  ports: string[]; name: string; onPick: (port: string) => void; onClose: () => void;
}) {
  const [wanted, setWanted] = useState("");
  const found = ports.filter((port) => port.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <Modal title={`Which way out of ${name}?`} onClose={onClose}>
      <input
        className="inp" type="search" aria-label="Search ports" autoFocus value={wanted} onChange={(event) => setWanted(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Enter" && found[0]) onPick(found[0]); }}
      />
      <ul className="choices">{found.map((port) => (
        <li key={port}><button type="button" onClick={() => onPick(port)}>{humanise(port)}</button></li>
      ))}</ul>
      <footer><button type="button" className="btn" onClick={onClose}>Cancel</button></footer>
    </Modal>
  );
}

interface Row { trigger: string; guard: string }

// What leads from one state to another: triggers, each with its guard.
export function TransitionDialog({ frame: frameId, from, to, onClose }: {
  frame: string; from: string; to: string; onClose: () => void;
}) {
  const editor = useEditor();
  const frame = editor.graph.frames.get(frameId);
  const source = editor.graph.boxes.get(from);
  const target = editor.graph.boxes.get(to);
  const isOf = (one: Json): one is JsonObject => isObject(one) && one.to === target?.place &&
    (one.from === source?.place || (Array.isArray(one.from) && one.from.includes(source?.place ?? "")));
  const known = frame ? transitionsAt(editor.definition, frame).filter(isOf) : [];
  const [rows, setRows] = useState<Row[]>(known.length
    ? known.map((one) => ({ trigger: String(one.trigger ?? ""), guard: String(one.guard ?? "") }))
    : [{ trigger: `to_${target?.place ?? "next"}`, guard: "" }]);
  if (!frame || !source || !target) return null;
  const change = (index: number, part: Partial<Row>) =>
    setRows((before) => before.map((row, place) => (place === index ? { ...row, ...part } : row)));
  const save = () => {
    const wanted = rows.filter((row) => row.trigger.trim());
    editor.edit(`Change ${source.name} to ${target.name}`, (definition) => {
      const kept = transitionsAt(definition, frame).flatMap((one): Json[] => {
        if (!isOf(one)) return [one];
        const others = Array.isArray(one.from) ? one.from.filter((name) => name !== source.place) : [];
        return others.length ? [{ ...one, from: others }] : [];
      });
      const fresh = wanted.map((row): Json => ({
        trigger: row.trigger.trim(), from: source.place, to: target.place, ...(row.guard.trim() ? { guard: row.guard.trim() } : {}),
      }));
      return set(definition, [...frame.at, "with", "transitions"], [...kept, ...fresh]);
    });
    editor.host.onSay(`${source.name} to ${target.name}: ${wanted.map((row) => row.trigger).join(", ") || "nothing"}.`);
    onClose();
  };
  return (
    <Modal title={`From ${source.name} to ${target.name}`} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); save(); }}>
        {rows.map((row, index) => (
          <div className="trow" key={index}>
            <label>Trigger<input className="inp mono" autoFocus={index === 0} value={row.trigger} onChange={(event) => change(index, { trigger: event.target.value })} /></label>
            <label>Guard, if any<input className="inp mono" value={row.guard} placeholder="event.data.amount > 0.0" onChange={(event) => change(index, { guard: event.target.value })} /></label>
            <button type="button" className="btn icon" aria-label="Take this trigger away" onClick={() => setRows((before) => before.filter((_, place) => place !== index))}><Icon name="trash-2" size="s" /></button>
          </div>
        ))}
        <button type="button" className="btn" onClick={() => setRows((before) => [...before, { trigger: "", guard: "" }])}>Another trigger</button>
        <footer>
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p">Save</button>
        </footer>
      </form>
    </Modal>
  );
}
