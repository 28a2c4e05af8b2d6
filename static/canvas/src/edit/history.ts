// What was done here, to be undone and done again: changes with a name, at most a hundred.
import { invert } from "../model/changes.ts";
import type { Change } from "../model/types.ts";

export interface Deed {
  label: string;
  changes: Change[];
  selection: string[]; // what was selected before
}

const MOST = 100;

export class History {
  done: Deed[] = [];
  undone: Deed[] = [];

  push(deed: Deed): void {
    this.done.push(deed);
    if (this.done.length > MOST) this.done.shift();
    this.undone = [];
  }

  // Gives what to apply so that the last deed is undone.
  undo(): Deed | undefined {
    const deed = this.done.pop();
    if (!deed) return undefined;
    this.undone.push(deed);
    return { ...deed, changes: invert(deed.changes) };
  }

  redo(): Deed | undefined {
    const deed = this.undone.pop();
    if (deed) this.done.push(deed);
    return deed;
  }
}
