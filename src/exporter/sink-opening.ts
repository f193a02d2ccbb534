import type { Sink } from '../../sinks/sink.ts';

/** Opens a sink once for all organizations that use it; a failed opening is tried again by the next who asks. */
export class SinkOpening {
  readonly #sink: Sink;
  #opening: Promise<void> | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#opening ??= this.#sink.open({ signal });
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
