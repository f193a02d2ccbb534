/**
 * Appends pages behind the reading of the next ones. While one append is under way, whole pages that follow wait and
 * become one append together: fewer commits, the same order, and the position of the last of them moves with all.
 */
import type { WalkedPage } from './walk.ts';

export class AppendGroup {
  readonly #append: (page: WalkedPage) => Promise<number>;
  readonly #entriesMax: number;
  #waiting: WalkedPage[] = [];
  #running: Promise<number> | undefined;
  #added = 0;

  /** No more than about `entriesMax` entries wait; one append takes what waits. */
  constructor(append: (page: WalkedPage) => Promise<number>, entriesMax: number) {
    this.#append = append;
    this.#entriesMax = entriesMax;
  }

  /** How many of the entries appended so far were new. */
  get added(): number {
    return this.#added;
  }

  /** Resolves when another page may be read; rejects with the failure of an append. */
  async add(page: WalkedPage): Promise<void> {
    this.#waiting.push(page);
    this.#running ??= this.#keep(this.#run());
    const waiting = this.#waiting.reduce((entries, { entries: held }) => entries + held.length, 0);
    if (waiting >= this.#entriesMax) await this.#running;
  }

  /** Appends everything; resolves to how many entries the last append brought. */
  async drain(page: WalkedPage): Promise<number> {
    this.#waiting.push(page);
    this.#running ??= this.#keep(this.#run());
    return await this.#running;
  }

  /** What `promise` gives, unless an append fails: that failure comes first, also where both do. */
  async whileAppending<T>(promise: Promise<T>): Promise<T> {
    const running = this.#running;
    if (running === undefined) return await promise;
    try {
      return await Promise.race([promise, running.then(() => promise)]);
    } catch (error) {
      await running;
      throw error;
    }
  }

  /** Waits until everything that was added is appended, or an append has failed, which is met elsewhere. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#running]);
  }

  async #run(): Promise<number> {
    let brought = 0;
    while (this.#waiting.length > 0) {
      const pages = this.#waiting;
      this.#waiting = [];
      brought = await this.#append(joined(pages));
      this.#added += brought;
    }
    this.#running = undefined;
    return brought;
  }

  /** A failure stays: nothing may be appended behind a page that was not. */
  #keep(running: Promise<number>): Promise<number> {
    running.catch(() => undefined);
    return running;
  }
}

function joined(pages: readonly WalkedPage[]): WalkedPage {
  const [only, ...others] = pages;
  if (only !== undefined && others.length === 0) return only;
  return {
    entries: pages.flatMap(({ entries }) => entries),
    checkpoint: pages.findLast(({ checkpoint }) => checkpoint !== undefined)?.checkpoint,
    serverDate: pages.findLast(({ serverDate }) => serverDate !== undefined)?.serverDate,
  };
}
