/**
 * Appends pages behind the reading of the next ones. While one append is under way, and for a moment after it, whole pages
 * that follow wait and become one append together: fewer commits, the same order, and the position of the last of them moves
 * with all. As soon as enough of them wait, what can be done for their append before its turn is done.
 *
 *     appending ◀── next, made ready ◀── waiting ◀── a page that was read
 */
import type { Nanos } from '../time.ts';
import type { PageEntry } from './page-entries.ts';

export interface WalkedPage {
  readonly entries: readonly PageEntry[];
  /** Where the walk goes on after this page, verbatim; undefined when the page gave nothing further. */
  readonly checkpoint: string | undefined;
  readonly serverDate: Nanos | undefined;
}

/** A few thousand rows a commit cost the least. */
const entriesMaxDefault = 4000;
const gatheringMsDefault = 25;

export interface AppendGroupOptions {
  /**
   * No more than about so many entries wait, and a quarter of it behind as many that are next; one append takes what waits.
   */
  readonly entriesMax?: number;
  /** An append waits no longer than this for more pages, in milliseconds from the end of the one before. */
  readonly gatheringMs?: number;
}

export interface AppendSteps {
  readonly append: (page: WalkedPage) => Promise<number>;
  /** Told of what `append` will be given when its turn has come; what it makes ready is its own. Default: nothing. */
  readonly makeReady?: ((page: WalkedPage) => Promise<void>) | undefined;
}

export class AppendGroup {
  readonly #steps: AppendSteps;
  readonly #entriesMax: number;
  readonly #gatheringMs: number;
  #waiting: WalkedPage[] = [];
  #next: { readonly page: WalkedPage; readonly ready: Promise<void> } | undefined;
  /** The append under way. A failed one stays: nothing may be appended behind a page that was not. */
  #running: Promise<void> | undefined;
  /** Set while somebody waits for something else. */
  #onFailure: ((error: unknown) => void) | undefined;
  /** Set while pages wait for more to come. */
  #gathering: NodeJS.Timeout | undefined;
  #lastEnded = Number.NEGATIVE_INFINITY;
  #added = 0;
  #broughtLast = 0;

  constructor(steps: AppendSteps, options: AppendGroupOptions = {}) {
    this.#steps = steps;
    this.#entriesMax = options.entriesMax ?? entriesMaxDefault;
    this.#gatheringMs = options.gatheringMs ?? gatheringMsDefault;
  }

  /** How many of the entries appended so far were new. */
  get added(): number {
    return this.#added;
  }

  /** Resolves when another page may be read; rejects with the failure of an append. */
  async add(page: WalkedPage): Promise<void> {
    this.#waiting.push(page);
    if (this.#running === undefined) this.#gather();
    else if (this.#isWaitingEnough()) this.#makeNext();
    if (this.#isFull()) await this.#running;
  }

  /** Appends everything; resolves to how many entries the last append brought. */
  async drain(page: WalkedPage): Promise<number> {
    // What gathers is appended by itself, where nothing else is: the page tells more alone.
    if (this.#running === undefined && this.#waiting.length > 0) this.#start();
    this.#waiting.push(page);
    await this.finish();
    return this.#broughtLast;
  }

  /** What `promise` gives, unless an append fails: that failure comes first, also where both do. */
  async whileAppending<T>(promise: Promise<T>): Promise<T> {
    // An append may start, and fail, while the promise is waited for.
    const failure = new Promise<never>((_resolve, reject) => {
      this.#onFailure = reject;
      this.#running?.catch(reject);
    });
    try {
      return await Promise.race([promise, failure]);
    } catch (error) {
      await this.finish();
      throw error;
    } finally {
      this.#onFailure = undefined;
    }
  }

  /** Waits until everything that was added is appended, or an append has failed, which is met elsewhere. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.finish()]);
  }

  /** Waits until everything that was added is appended; rejects with the failure of an append. */
  async finish(): Promise<void> {
    while (this.#running !== undefined || this.#waiting.length > 0) {
      if (this.#running === undefined) this.#start();
      await this.#running;
    }
  }

  /** Starts an append, or lets the pages wait a moment for more: where the API is quick, fewer commits are cheaper. */
  #gather(): void {
    const leftMs = this.#lastEnded + this.#gatheringMs - performance.now();
    if (this.#isWaitingEnough() || leftMs <= 0) this.#start();
    else this.#gathering ??= setTimeout(() => this.#start(), leftMs);
  }

  /** Half of the most: making ready takes about as long as an append, and should be done when its turn comes. */
  #isWaitingEnough(): boolean {
    return this.#entriesWaiting() >= this.#entriesMax / 2;
  }

  /** Behind what is next a page or two are enough: they will not be appended soon. */
  #isFull(): boolean {
    return this.#entriesWaiting() >= (this.#next === undefined ? this.#entriesMax : this.#entriesMax / 4);
  }

  #entriesWaiting(): number {
    return this.#waiting.reduce((entries, { entries: held }) => entries + held.length, 0);
  }

  #makeNext(): void {
    const { makeReady } = this.#steps;
    if (makeReady === undefined || this.#next !== undefined) return;
    const page = this.#takeWaiting();
    const ready = makeReady(page);
    ready.catch(() => undefined);
    this.#next = { page, ready };
  }

  #takeWaiting(): WalkedPage {
    const pages = this.#waiting;
    this.#waiting = [];
    return joined(pages);
  }

  #start(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const next = this.#next;
    this.#next = undefined;
    // A promise of its own for each append: one for all of them would hold on to every page that was raced against it.
    this.#running = this.#appendOne(next?.page ?? this.#takeWaiting(), next?.ready);
    this.#running.catch((error: unknown) => this.#onFailure?.(error));
    if (next !== undefined && this.#isWaitingEnough()) this.#makeNext();
  }

  async #appendOne(page: WalkedPage, ready: Promise<void> | undefined): Promise<void> {
    await ready;
    this.#broughtLast = await this.#steps.append(page);
    this.#added += this.#broughtLast;
    this.#running = undefined;
    this.#lastEnded = performance.now();
    if (this.#next !== undefined) this.#start();
    else if (this.#waiting.length > 0) this.#gather();
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
