/**
 * Appends pages behind the reading of the next ones. While one append is under way, whole pages that follow wait and
 * become one append together: fewer commits, the same order, and the position of the last of them moves with all.
 */
import type { Nanos } from '../time.ts';
import type { PageEntry } from './page-entries.ts';

export interface WalkedPage {
  readonly entries: readonly PageEntry[];
  /** Where the walk goes on after this page, verbatim; undefined when the page gave nothing further. */
  readonly checkpoint: string | undefined;
  readonly serverDate: Nanos | undefined;
}

export class AppendGroup {
  readonly #append: (page: WalkedPage) => Promise<number>;
  readonly #entriesMax: number;
  #waiting: WalkedPage[] = [];
  /** The append under way. A failed one stays: nothing may be appended behind a page that was not. */
  #running: Promise<void> | undefined;
  #added = 0;
  #broughtLast = 0;

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
    if (this.#running === undefined) this.#start();
    const waiting = this.#waiting.reduce((entries, { entries: held }) => entries + held.length, 0);
    if (waiting >= this.#entriesMax) await this.#running;
  }

  /** Appends everything; resolves to how many entries the last append brought. */
  async drain(page: WalkedPage): Promise<number> {
    this.#waiting.push(page);
    if (this.#running === undefined) this.#start();
    await this.#finished();
    return this.#broughtLast;
  }

  /** What `promise` gives, unless an append fails: that failure comes first, also where both do. */
  async whileAppending<T>(promise: Promise<T>): Promise<T> {
    const running = this.#running;
    if (running === undefined) return await promise;
    try {
      return await Promise.race([promise, running.then(() => promise)]);
    } catch (error) {
      await this.#finished();
      throw error;
    }
  }

  /** Waits until everything that was added is appended, or an append has failed, which is met elsewhere. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#finished()]);
  }

  async #finished(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #start(): void {
    const pages = this.#waiting;
    this.#waiting = [];
    // A promise of its own for each append: one for all of them would hold on to every page that was raced against it.
    this.#running = this.#appendOne(joined(pages));
    this.#running.catch(() => undefined);
  }

  async #appendOne(page: WalkedPage): Promise<void> {
    this.#broughtLast = await this.#append(page);
    this.#added += this.#broughtLast;
    this.#running = undefined;
    if (this.#waiting.length > 0) this.#start();
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
