/**
 * A fair count of connections: whoever asks first gets the next one that is free. Waiting ends early when the asker's
 * signal aborts or when everything is closed, which a pool's own queue does not promise.
 */
interface Waiter {
  readonly admit: () => void;
  readonly refuse: (reason: unknown) => void;
}

export class Slots {
  readonly #count: number;
  #free: number;
  #closedBy: (() => Error) | undefined;
  #onDrained: (() => void) | undefined;
  readonly #waiting: Waiter[] = [];

  constructor(count: number) {
    this.#count = count;
    this.#free = count;
  }

  /** Resolves when a slot is the caller's, who must `give` it back. Rejects with the signal's reason, or when closed. */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#closedBy !== undefined) throw this.#closedBy();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await this.#wait(signal);
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.admit();
      return;
    }
    this.#free += 1;
    if (this.#free === this.#count) this.#onDrained?.();
  }

  /** Resolves when every slot was given back. To be asked once, after `close`. */
  async drained(): Promise<void> {
    if (this.#free === this.#count) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  /** Refuses everyone who waits and everyone who asks from now on. What is taken stays taken. */
  close(error: () => Error): void {
    this.#closedBy ??= error;
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(this.#closedBy());
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        refuse: (reason) => {
          signal?.removeEventListener('abort', onAbort);
          reject(reason);
        },
      };
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }
}
