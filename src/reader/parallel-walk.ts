/**
 * A walk over a stretch with several readers, which appends just what a serial one would, in its order:
 *
 *     part 1 ── pages ─────────────────────────────▶ append   (the leftmost: as in a serial walk)
 *     part 2 ── pages ──▶ held ┄┄ until it is the leftmost ┄┄▶
 *     part 3 ── pages ──▶ held
 *
 * Who asks next is decided when the rate budget has room for a request, and from the left: the leftmost part that is
 * waiting, or, where every reader's answer is still under way, a new part, cut from the leftmost one that can be cut. So
 * no more parts are opened than the latency needs; where one reader uses up the rate there is one.
 *
 * A part starts right before its left edge, so nothing is lost whether the API includes positions or not; what two
 * parts both read is known when the right one is appended.
 */
import { formatTimestamp, nanos, parseTimestamp, type Nanos } from '../time.ts';
import { beginningOfTime } from '../ledger/coverage.ts';
import type { WalkedPage } from './append-group.ts';
import type { PageRead, PageRequest, PageSource } from './page-source.ts';
import { splitPoint } from './split-point.ts';
import { positionBefore } from './start-positions.ts';
import { sizeOf, StretchPart, type HeldSize } from './stretch-part.ts';
import { walk, type WalkPlan, type WalkResult } from './walk.ts';

export interface ParallelOptions {
  readonly signal: AbortSignal;
  /** Parts being read at once, at most. */
  readonly parallel: number;
  /** What all parts together may hold that can't be appended yet. */
  readonly held?: Readonly<HeldSize>;
}

/** Of raw text; what is parsed of it takes about as much again. */
const heldMax: Readonly<HeldSize> = { bytes: 32 * 1024 * 1024, entries: 40_000 };

/**
 * Where reading starts with, and what it keeps to while the ledger is always busy: reading ahead hides the API's latency,
 * and can't make a ledger quicker that is the slower of the two.
 */
const heldAtFirst: Readonly<HeldSize> = { bytes: 4 * 1024 * 1024, entries: 5000 };
/** The ledger has waited for so long for a page: there is latency to be hidden. */
const starvedMs = 25;

const pagesAheadMin = 4;
const pagesAheadMax = 64;

export async function walkInParallel(
  source: PageSource,
  plan: WalkPlan,
  options: ParallelOptions,
): Promise<WalkResult> {
  const { end } = plan;
  // Only what has an end can be cut.
  if (options.parallel <= 1 || end === undefined) return await walk(source, plan, options);
  return await new ParallelWalk(source, plan, options).run(end);
}

interface Waiting {
  readonly start: () => void;
}

class ParallelWalk {
  readonly #source: PageSource;
  readonly #plan: WalkPlan;
  readonly #parallel: number;
  readonly #heldMax: Readonly<HeldSize>;
  /** Doubled up to the most, whenever there is no room and the ledger waits for pages. */
  #heldNow: Readonly<HeldSize>;
  #appends = 0;
  #lastAppendEnded = performance.now();
  readonly #stop = new AbortController();
  readonly #outer: AbortSignal;
  /** From the left; the first one appends. */
  readonly #parts: StretchPart[] = [];
  readonly #waiting = new Map<StretchPart, Waiting>();
  /** Parts whose page is being asked for ahead of the leftmost one: room is kept for each. */
  readonly #asking = new Set<StretchPart>();
  readonly #pageMax: HeldSize = { bytes: 0, entries: 0 };
  /** A request was handed over and waits for the rate: until it starts, nothing else is decided. */
  #isInLine = false;
  /** What a part holds was counted as it was read; only the ledger knows what is new. */
  #added = 0;

  constructor(source: PageSource, plan: WalkPlan, options: ParallelOptions) {
    this.#source = source;
    this.#plan = plan;
    this.#parallel = options.parallel;
    this.#heldMax = options.held ?? heldMax;
    this.#heldNow = smaller(heldAtFirst, this.#heldMax);
    this.#outer = options.signal;
  }

  async run(end: Nanos): Promise<WalkResult> {
    const { start } = this.#plan;
    const from = (start === undefined ? undefined : parseTimestamp(start)) ?? beginningOfTime;
    const abort = (): void => this.#stop.abort(this.#outer.reason);
    this.#outer.addEventListener('abort', abort, { once: true });
    if (this.#outer.aborted) abort();
    const first = new StretchPart({ start, from, end, pageSpan: undefined });
    first.drained = Promise.resolve();
    this.#parts.push(first);
    this.#read(first);
    try {
      return await this.#appendFromTheLeft(first);
    } finally {
      this.#outer.removeEventListener('abort', abort);
      this.#stop.abort();
      await Promise.allSettled(
        this.#parts.flatMap(({ walking, drained }) => [walking ?? [], drained ?? []].flat()),
      );
    }
  }

  async #appendFromTheLeft(first: StretchPart): Promise<WalkResult> {
    let whole: WalkResult | undefined;
    let part: StretchPart | undefined = first;
    while (part?.walking !== undefined) {
      await part.drained;
      const result = await part.walking;
      whole = {
        ...result,
        startedAt: whole?.startedAt ?? result.startedAt,
        pages: (whole?.pages ?? 0) + result.pages,
        added: this.#added,
      };
      this.#parts.shift();
      part = this.#parts[0];
      if (part !== undefined) {
        part.drained = this.#drain(part);
        part.drained.catch(() => undefined);
        this.#decide();
      }
    }
    if (whole === undefined) throw new TypeError('a walk has one part at least');
    return whole;
  }

  #read(part: StretchPart): void {
    const plan = this.#plan;
    part.walking = walk(
      { read: (request) => this.#readPage(part, request) },
      {
        ...plan,
        start: part.start,
        // Looked at for each page: the part may have been cut meanwhile.
        get end() {
          return part.end;
        },
        append: (page) => this.#append(part, page),
      },
      { signal: this.#stop.signal },
    );
    // A failure is met when the part has become the leftmost, behind everything that lies left of it.
    part.walking.then(
      () => this.#ended(part, 'read'),
      () => this.#ended(part, 'failed'),
    );
  }

  #ended(part: StretchPart, state: 'read' | 'failed'): void {
    part.state = state;
    this.#decide();
  }

  async #readPage(part: StretchPart, request: PageRequest): Promise<PageRead> {
    const asked = request.startingFrom === undefined ? undefined : parseTimestamp(request.startingFrom);
    if (asked !== undefined && asked > part.asked) part.asked = asked;
    await this.#turn(part, request.signal);
    let hasStarted = false;
    const started = (): void => {
      if (hasStarted) return;
      hasStarted = true;
      this.#isInLine = false;
      this.#decide();
    };
    try {
      const read = await this.#source.read({ ...request, onStart: started });
      part.measure(read);
      this.#count(part, read);
      return read;
    } finally {
      this.#asking.delete(part);
      started();
      this.#decide();
    }
  }

  #count(part: StretchPart, { page }: PageRead): void {
    const size = sizeOf(page.entries);
    this.#pageMax.bytes = Math.max(this.#pageMax.bytes, size.bytes);
    this.#pageMax.entries = Math.max(this.#pageMax.entries, size.entries);
    if (part === this.#parts[0]) return;
    part.held.bytes += size.bytes;
    part.held.entries += size.entries;
  }

  async #turn(part: StretchPart, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(part, { start: resolve });
        onAbort = (): void => {
          if (this.#waiting.delete(part)) reject(signal.reason as Error);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        this.#decide();
      });
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  /** Lets the next request go, if none is in line. */
  #decide(): void {
    if (this.#isInLine || this.#stop.signal.aborted) return;
    const parts = this.#partsThatCount();
    const hasRoom = this.#hasRoom();
    const next = parts.find((part, place) => this.#waiting.has(part) && (hasRoom || place === 0));
    if (next === undefined) {
      if (hasRoom) this.#cut(parts);
      return;
    }
    const waiting = this.#waiting.get(next);
    this.#waiting.delete(next);
    if (next !== this.#parts[0]) this.#asking.add(next);
    this.#isInLine = true;
    waiting?.start();
  }

  /** Nothing right of a part that failed will be appended. */
  #partsThatCount(): readonly StretchPart[] {
    const failed = this.#parts.findIndex(({ state }) => state === 'failed');
    return failed === -1 ? this.#parts : this.#parts.slice(0, failed);
  }

  #hasRoom(): boolean {
    const asking = this.#asking.size + 1;
    const bytes = this.#parts.reduce((sum, { held }) => sum + held.bytes, asking * this.#pageMax.bytes);
    const entries = this.#parts.reduce((sum, { held }) => sum + held.entries, asking * this.#pageMax.entries);
    const fits = (): boolean => bytes <= this.#heldNow.bytes && entries <= this.#heldNow.entries;
    if (!fits() && this.#isLedgerStarved()) {
      const doubled = { bytes: this.#heldNow.bytes * 2, entries: this.#heldNow.entries * 2 };
      this.#heldNow = smaller(doubled, this.#heldMax);
    }
    return fits();
  }

  #isLedgerStarved(): boolean {
    return this.#appends === 0 && performance.now() - this.#lastAppendEnded >= starvedMs;
  }

  /** Opens one more part, right of the leftmost one that can be cut. */
  #cut(parts: readonly StretchPart[]): void {
    const reading = parts.filter(({ state }) => state === 'reading');
    if (reading.length >= this.#parallel) return;
    const pagesAhead = this.#pagesAhead(reading.length + 1);
    for (const part of reading) {
      const at = splitPoint(part, pagesAhead);
      if (at === undefined) continue;
      const right = new StretchPart({
        start: positionBefore(at, 0) ?? formatTimestamp(at),
        from: nanos(at),
        end: part.end,
        pageSpan: part.pageSpan,
      });
      part.end = at;
      this.#parts.splice(this.#parts.indexOf(part) + 1, 0, right);
      this.#read(right);
      return;
    }
  }

  /** As long as what may be held allows: the longer the parts, the fewer the cuts. */
  #pagesAhead(readers: number): number {
    const { bytes, entries } = this.#pageMax;
    const pages = Math.min(this.#heldMax.bytes / (bytes || 1), this.#heldMax.entries / (entries || 1));
    return Math.max(pagesAheadMin, Math.min(pagesAheadMax, Math.floor(pages / readers)));
  }

  async #append(part: StretchPart, page: WalkedPage): Promise<number> {
    if (part !== this.#parts[0]) return part.keep(page);
    await part.drained;
    return await this.#appendNow(page);
  }

  async #appendNow(page: WalkedPage): Promise<number> {
    this.#appends += 1;
    try {
      const added = await this.#plan.append(page);
      this.#added += added;
      return added;
    } finally {
      this.#appends -= 1;
      this.#lastAppendEnded = performance.now();
    }
  }

  /** The part has become the leftmost. */
  async #drain(part: StretchPart): Promise<void> {
    for (let page = part.takePage(); page !== undefined; page = part.takePage()) {
      await this.#appendNow(page);
      const size = sizeOf(page.entries);
      part.held.bytes -= size.bytes;
      part.held.entries -= size.entries;
      this.#decide();
    }
    // A page that was read ahead and came to be appended in its turn.
    part.held.bytes = 0;
    part.held.entries = 0;
    this.#decide();
  }
}

function smaller(one: Readonly<HeldSize>, other: Readonly<HeldSize>): Readonly<HeldSize> {
  return { bytes: Math.min(one.bytes, other.bytes), entries: Math.min(one.entries, other.entries) };
}
