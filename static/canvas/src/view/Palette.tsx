import { useId, useRef, useState, type DragEvent, type KeyboardEvent, type RefObject } from "react";
import { STATE } from "../edit/adding.ts";
import type { KindLook, PaletteAction, PaletteGroup } from "../model/types.ts";
import { Icon, toneOf } from "./Icon.tsx";
import { useEditor } from "./context.ts";

export const DRAGGED = "application/x-step-kind";
export type Entry = { look?: KindLook; action?: PaletteAction; label: string; icon: string; hint: string; shape: string };

export function entriesOf(group: PaletteGroup): Entry[] {
  const kinds = group.kinds.map((look): Entry => ({ look, label: look.label, icon: look.icon, hint: look.hint ?? "", shape: look.shape }));
  const actions = (group.actions ?? []).map((action): Entry => ({ action, label: action.label, icon: action.icon, hint: action.hint ?? "", shape: "card" }));
  return [...kinds, ...actions];
}

function fits(entry: Entry, wanted: string): boolean {
  const text = `${entry.label} ${entry.look?.kind ?? ""} ${entry.hint}`.toLowerCase();
  return wanted.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function Palette({ search, onPick, onLeave, isOver }: {
  search: RefObject<HTMLInputElement | null>;
  onPick: (entry: Entry) => void;
  onLeave: () => void;
  isOver: boolean;
}) {
  const editor = useEditor();
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const listId = useId();
  const list = useRef<HTMLDivElement>(null);
  const hasStates = [...editor.graph.frames.values()].some((frame) => frame.kind === "states");
  const own: PaletteGroup[] = hasStates ? [{ group: "State machine", kinds: [STATE] }, ...editor.palette] : editor.palette;
  const groups = own
    .map((group) => ({ name: group.group, entries: entriesOf(group).filter((entry) => fits(entry, wanted)) }))
    .filter((group) => group.entries.length);
  // What fits by name comes first when something is searched.
  const flat = groups.flatMap((group) => group.entries);
  const optionId = (index: number) => `${listId}-${index}`;
  const pick = (entry: Entry | undefined) => {
    if (!entry) return;
    setWanted("");
    setAt(0);
    onPick(entry);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && flat.length) {
      const next = (at + step + flat.length) % flat.length;
      setAt(next);
      document.getElementById(optionId(next))?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") pick(best(flat, wanted, at));
    else if (event.key === "Escape") {
      setWanted("");
      onLeave();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  let index = -1;
  return (
    <div className={`palette${isOver ? " over" : ""}`} aria-label="Steps to add" role="group">
      <label className="find">
        <Icon name="search" size="s" />
        <input
          ref={search} type="search" placeholder="Add a step" aria-label="Add a step" role="combobox" aria-expanded="true"
          aria-controls={listId} aria-autocomplete="list" autoComplete="off" spellCheck={false}
          aria-activedescendant={flat.length ? optionId(at) : undefined} value={wanted}
          onChange={(event) => { setWanted(event.target.value); setAt(0); }} onKeyDown={onKey}
        />
        <kbd aria-hidden="true">N</kbd>
      </label>
      <div className="list" role="listbox" tabIndex={-1} id={listId} aria-label="Kinds of steps" ref={list}>
        {groups.map((group) => (
          <div role="group" aria-label={group.name} key={group.name}>
            <div className="gn" aria-hidden="true">{group.name}</div>
            {group.entries.map((entry) => {
              index += 1;
              const here = index;
              return (
                <div
                  key={entry.label} id={optionId(here)} role="option" aria-selected={here === at} className="item" title={entry.hint}
                  draggable={!!entry.look} onClick={() => pick(entry)} onPointerMove={() => { if (wanted) setAt(here); }}
                  onDragStart={(event: DragEvent) => {
                    event.dataTransfer.setData(DRAGGED, entry.look!.kind);
                    event.dataTransfer.effectAllowed = "copy";
                  }}
                >
                  <span className={`kd${entry.look ? toneOf(entry.look) : ""}`}><Icon name={entry.icon} size="s" /></span>
                  <span className="el">{entry.label}</span>
                </div>
              );
            })}
          </div>
        ))}
        {flat.length ? null : <p className="none">No kind of step fits “{wanted}”.</p>}
      </div>
      <p className="help">Drag, or press Enter to add after the selected step.</p>
    </div>
  );
}

function best(flat: Entry[], wanted: string, at: number): Entry | undefined {
  if (!wanted || at) return flat[at];
  const text = wanted.toLowerCase();
  return flat.find((entry) => entry.label.toLowerCase() === text || entry.look?.kind === text) ??
    flat.find((entry) => entry.label.toLowerCase().startsWith(text)) ?? flat[at];
}
