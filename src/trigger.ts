import { once } from 'node:events';

/** Wakes who waits. Firing while nobody waits is remembered once, so that nothing is missed between two waits. */
export class Trigger {
  readonly #target = new EventTarget();
  #fired = false;

  fire(): void {
    this.#fired = true;
    this.#target.dispatchEvent(new Event('fire'));
  }

  /** Resolves at the next firing, or after `timeoutMs`, or when the signal is aborted. */
  async wait(options: { readonly timeoutMs?: number; readonly signal: AbortSignal }): Promise<void> {
    if (!this.#fired && !options.signal.aborted) {
      const ended = new AbortController();
      const end = (): void => ended.abort();
      options.signal.addEventListener('abort', end, { once: true });
      const timer = options.timeoutMs === undefined ? undefined : setTimeout(end, options.timeoutMs);
      try {
        await once(this.#target, 'fire', { signal: ended.signal });
      } catch (error) {
        if (!ended.signal.aborted) throw error;
      } finally {
        clearTimeout(timer);
        options.signal.removeEventListener('abort', end);
        ended.abort();
      }
    }
    this.#fired = false;
  }
}
