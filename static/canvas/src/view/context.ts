import { createContext, useContext, useSyncExternalStore } from "react";
import type { Editor } from "../edit/editor.ts";
import type { States, StepState } from "../run/states.ts";

export interface Shared {
  editor: Editor;
  states: States | undefined; // of a run
  sprite: string;
}

export const SharedContext = createContext<Shared | undefined>(undefined);

export function useShared(): Shared {
  return useContext(SharedContext)!;
}

const NOTHING = () => () => undefined;

export function useStepState(path: string): StepState | undefined {
  const { states } = useShared();
  return useSyncExternalStore(
    states ? (listener) => states.subscribe([path], listener) : NOTHING,
    () => states?.get(path),
  );
}

export function useEditor(): Editor {
  const { editor } = useShared();
  useSyncExternalStore(editor.subscribe, editor.snapshot);
  return editor;
}
