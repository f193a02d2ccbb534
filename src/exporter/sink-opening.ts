import type { Sink } from '../../sinks/sink.ts';
import { isAbort } from '../errors.ts';

/** Opens a sink once for all organizations that use it; a failed opening is tried again by the next who asks. */
export class SinkOpening {
  readonly #sink: Sink;
  #opening: Promise<void> | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  async open(signal: AbortSignal): Promise<void> {
    for (;;) {
      const opening = (this.#opening ??= this.#sink.open({ signal }));
      try {
        await opening;
        return;
      } catch (error) {
        if (this.#opening === opening) this.#opening = undefined;
        // It was begun by another organization's job, which was told to stop; this one was not.
        if (isAbort(error) && !signal.aborted) continue;
        throw error;
      }
    }
  }
}
