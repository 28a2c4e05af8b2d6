// What this browser keeps between pages: unsent changes, one record for each page, and what is open.
import type { Change } from "../model/types.ts";

export interface Kept {
  revision: number;
  changes: Change[];
  label: string;
}

// Two tabs may edit the same draft: each keeps its own, and what a closed one left is taken over.
export class Keep {
  private readonly key: string;
  private readonly leaving = new AbortController();

  constructor(readonly prefix: string) {
    this.key = `${prefix}:${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
    // Held as long as this page lives: whoever gets it knows that the page is gone.
    void navigator.locks?.request(this.key, { signal: this.leaving.signal }, () => new Promise<void>((gone) => {
      this.leaving.signal.addEventListener("abort", () => gone());
    })).catch(() => undefined);
  }

  write(kept: Kept): void {
    try {
      if (kept.changes.length) localStorage.setItem(this.key, JSON.stringify(kept));
      else localStorage.removeItem(this.key);
    } catch {
      // A browser that keeps nothing still saves to the server.
    }
  }

  // Hands over what pages that are gone could not send, at once or as soon as they go.
  inherit(take: (changes: Change[]) => void): void {
    for (const key of this.others()) {
      const adopt = () => {
        const kept = this.leaving.signal.aborted ? [] : changesAt(key);
        if (!kept.length) return;
        take(kept);
        localStorage.removeItem(key);
      };
      if (navigator.locks) void navigator.locks.request(key, { signal: this.leaving.signal }, adopt).catch(() => undefined);
      else adopt();
    }
  }

  private others(): string[] {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(`${this.prefix}:`) && key !== this.key && !key.endsWith(OPEN));
    } catch {
      return [];
    }
  }

  stop(): void {
    this.leaving.abort();
  }
}

function changesAt(key: string): Change[] {
  try {
    return (JSON.parse(localStorage.getItem(key) ?? "") as Kept).changes;
  } catch {
    return [];
  }
}

const OPEN = ":open";

// Which containers a person left open; only a comfort.
export function openedRead(prefix: string): Record<string, boolean> {
  try {
    return JSON.parse(localStorage.getItem(prefix + OPEN) ?? "{}") as Record<string, boolean>;
  } catch {
    return {};
  }
}

export function openedWrite(prefix: string, opened: Record<string, boolean>): void {
  try {
    localStorage.setItem(prefix + OPEN, JSON.stringify(opened));
  } catch {
    // It opens as it always does.
  }
}
