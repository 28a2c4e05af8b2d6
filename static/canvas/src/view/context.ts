import { createContext, useCallback, useContext, useSyncExternalStore } from "react";
import type { Editor } from "../edit/editor.ts";
import type { States, StepState } from "../run/states.ts";

export interface Shared {
  editor: Editor;
  states: States; // of a run, or of a test run of the draft
  sprite: string;
}

export const SharedContext = createContext<Shared | undefined>(undefined);

export function useShared(): Shared {
  return useContext(SharedContext)!;
}

export function useStepState(path: string): StepState | undefined {
  const { states } = useShared();
  return useSyncExternalStore(
    useCallback((listener: () => void) => states.subscribe([path], listener), [states, path]),
    () => states.get(path),
  );
}

export function useEditor(): Editor {
  const { editor } = useShared();
  useSyncExternalStore(editor.subscribe, editor.snapshot);
  return editor;
}
