// What other people save arrives here while the page is open; what is unsent stays.
import { applyChanges } from "../model/changes.ts";
import type { CanvasDocument } from "../model/types.ts";
import type { Saver } from "./saver.ts";

export interface ArrivalHost {
  read: () => Promise<CanvasDocument>;
  saver: () => Saver | undefined; // none for who may only look
  take: (data: CanvasDocument) => void;
}

export class Arrival {
  private newest = 0;
  private isReading = false;

  constructor(readonly host: ArrivalHost, private shown: number) {}

  private get revision(): number {
    return Math.max(this.shown, this.host.saver()?.revision ?? 0);
  }

  // Something of one's own that is on its way waits for its answer, which brings theirs as well.
  async hear(revision = 0): Promise<void> {
    const { host } = this;
    this.newest = Math.max(this.newest, revision);
    if (this.isReading || host.saver()?.isBusy || this.newest <= this.revision) return;
    this.isReading = true;
    try {
      const data = await host.read();
      this.newest = data.revision;
      const saver = host.saver();
      if (saver?.isBusy || data.revision <= this.revision) return;
      this.shown = data.revision;
      if (saver) saver.revision = data.revision;
      host.take({ ...data, definition: applyChanges(data.definition, saver?.unsent ?? []) });
    } catch {
      // The next save, by anybody, tries again.
    } finally {
      this.isReading = false;
    }
  }
}
