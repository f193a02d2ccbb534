/**
 * A walk over a stretch with several readers, which appends just what a serial one would, in its order:
 *
 *     part 1 ── pages ─────────────────────────────▶ append   (the leftmost: as in a serial walk)
 *     part 2 ── pages ──▶ held ┄┄ until it is the leftmost ┄┄▶
 *     part 3 ── pages ──▶ held
 *
 * Who asks next is decided when the rate budget has room for a request, and from the left: the leftmost part that is
 * waiting, or, where every reader's answer is still under way, a new part, cut from the leftmost one that can be cut. So
 * no more parts are opened than the latency needs; where one reader uses up the rate there is one. A reader whose page
 * leads into a part that nobody has asked for yet takes it over: so a pause in the history, however long, is paid for once.
 *
 * A part starts right before its left edge, so nothing is lost whether the API includes positions or not; what two
 * parts both read is known when the right one is appended.
 */
import { formatTimestamp, minNanos, nanos, parseTimestamp, type Nanos } from '../time.ts';
import { beginningOfTime } from '../ledger/coverage.ts';
import { AppendGroup, type WalkedPage } from './append-group.ts';
import { sizeOf, type HeldSize } from './packed-page.ts';
import type { PageRead, PageRequest, PageSource } from './page-source.ts';
import { chooseCut, TypicalSpan } from './split-point.ts';
import { positionBefore } from './start-positions.ts';
import { StretchPart } from './stretch-part.ts';
import { walk, type WalkPlan, type WalkResult } from './walk.ts';

export interface ParallelOptions {
  readonly signal: AbortSignal;
  /** Parts being read at once, at most. */
  readonly parallel: number;
  /** What all parts together may hold that can't be appended yet. */
  readonly held?: Readonly<HeldSize>;
}

/** Of packed pages; those that are just being read count as they are. */
const heldMax: Readonly<HeldSize> = { bytes: 32 * 1024 * 1024, entries: 160_000 };

/**
 * Where reading starts with, and what it keeps to while the ledger is always busy: reading ahead hides the API's latency,
 * and can't make a ledger quicker that is the slower of the two.
 */
const heldAtFirst: Readonly<HeldSize> = { bytes: 2 * 1024 * 1024, entries: 20_000 };
/** As much is held as it was read; beyond it pages are packed. */
const unpackedBytesMax = 8 * 1024 * 1024;
/** The ledger has waited for so long for a page, longer than pages gather: there is latency to be hidden. */
const starvedMs = 50;

/** How long a part is made, in pages: the longer the fewer cuts, the shorter the less is lost with a crash. */
const pagesAheadMin = 4;
const pagesAheadMax = 24;
/** What a page takes when it is packed, at most, for text like that of an audit log. */
const packedShare = 0.4;

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
  readonly #typicalSpan = new TypicalSpan();
  /** From here on the API had nothing. */
  #logEnd: Nanos | undefined;
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
    const abort = (): void => this.#end(this.#outer.reason);
    const first = new StretchPart({ start, from, end, pageSpan: undefined });
    first.drained = Promise.resolve();
    this.#parts.push(first);
    this.#outer.addEventListener('abort', abort, { once: true });
    if (this.#outer.aborted) abort();
    this.#read(first);
    try {
      return await this.#appendFromTheLeft(first);
    } finally {
      this.#outer.removeEventListener('abort', abort);
      this.#end();
      await Promise.allSettled(
        this.#parts.flatMap(({ walking, drained }) => [walking ?? [], drained ?? []].flat()),
      );
    }
  }

  #end(reason?: unknown): void {
    this.#stop.abort(reason);
    for (const part of this.#parts) part.stop.abort(this.#stop.signal.reason);
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
        // Looked at for each page: the part may have been cut, or have taken over another, meanwhile.
        get end() {
          return part.end;
        },
        append: (page) => this.#append(part, page),
        makeReady: (page) => this.#makeReady(part, page),
      },
      { signal: part.stop.signal },
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
      this.#learn(part, read);
      this.#count(part, read);
      return read;
    } finally {
      this.#asking.delete(part);
      started();
      this.#decide();
    }
  }

  /**
   * What lies left of where the page ends is known now: a part there that nobody has asked for is read by this one, and one
   * whose answer is still under way is cut behind that place only.
   */
  #learn(part: StretchPart, read: PageRead): void {
    const askedBefore = part.asked;
    const span = part.measure(read);
    if (span !== undefined) this.#typicalSpan.add(span);
    const isEmpty = read.page.entries.length === 0;
    if (isEmpty && part.asked === askedBefore)
      this.#logEnd = minNanos(this.#logEnd ?? part.asked, part.asked);
    if (!isEmpty && this.#logEnd !== undefined && part.asked > this.#logEnd) this.#logEnd = undefined;
    const next = this.#parts.indexOf(part) + 1;
    for (let right = this.#parts[next]; right !== undefined && !right.hasStarted; right = this.#parts[next]) {
      if (right.from > part.asked) break;
      this.#parts.splice(next, 1);
      part.end = right.end;
      part.planned = right.planned === undefined ? undefined : (part.planned ?? part.pages) + right.planned;
      right.stop.abort(new Error('another part reads what this one was to read'));
    }
    for (const right of this.#parts.slice(next)) {
      if (right.from >= part.asked) break;
      if (right.asked < part.asked) right.asked = part.asked;
    }
  }

  #count(part: StretchPart, { page }: PageRead): void {
    const size = sizeOf(page.entries);
    this.#pageMax.bytes = Math.max(this.#pageMax.bytes, size.bytes);
    this.#pageMax.entries = Math.max(this.#pageMax.entries, size.entries);
    if (this.#isAppending(part)) return;
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
    const next = parts.find((part) => this.#waiting.has(part) && (hasRoom || this.#isAppending(part)));
    if (next === undefined) {
      if (hasRoom) this.#cut(parts);
      return;
    }
    const waiting = this.#waiting.get(next);
    this.#waiting.delete(next);
    next.hasStarted = true;
    if (!this.#isAppending(next)) this.#asking.add(next);
    this.#isInLine = true;
    waiting?.start();
  }

  /** What the part reads goes into the ledger at once: nothing that it kept waits any more. */
  #isAppending(part: StretchPart): boolean {
    return part === this.#parts[0] && !part.isDraining;
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
    const cut = chooseCut(reading, {
      typicalSpan: this.#typicalSpan.value,
      pagesAhead,
      logEnd: this.#logEnd,
    });
    if (cut === undefined) return;
    const { part, at, pages } = cut;
    const right = new StretchPart({
      start: positionBefore(at, 0) ?? formatTimestamp(at),
      from: nanos(at),
      end: part.end,
      pageSpan: part.pageSpan,
    });
    const rest = (part.planned ?? 0) - part.pages - pages;
    if (rest > 0) right.planned = rest;
    part.end = at;
    part.planned = part.pages + pages;
    this.#parts.splice(this.#parts.indexOf(part) + 1, 0, right);
    this.#read(right);
  }

  /** Half of what may be held: parts turn out to be longer than was thought. */
  #pagesAhead(readers: number): number {
    const { bytes, entries } = this.#pageMax;
    const pages = Math.min(
      this.#heldMax.bytes / (bytes * packedShare || 1),
      this.#heldMax.entries / (entries || 1),
    );
    return Math.max(pagesAheadMin, Math.min(pagesAheadMax, Math.floor(pages / 2 / readers)));
  }

  async #append(part: StretchPart, page: WalkedPage): Promise<number> {
    if (part !== this.#parts[0]) return await part.keep(page, { isPacked: this.#isMuchHeld() });
    await part.drained;
    return await this.#appendNow(page);
  }

  /** While little is held, packing would cost more than it spares. */
  #isMuchHeld(): boolean {
    return this.#parts.reduce((sum, { held }) => sum + held.bytes, 0) > unpackedBytesMax;
  }

  async #makeReady(part: StretchPart, page: WalkedPage): Promise<void> {
    if (this.#isAppending(part)) await this.#plan.makeReady?.(page);
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
    part.isDraining = true;
    const group = new AppendGroup({
      append: (page) => this.#appendNow(page),
      makeReady: this.#plan.makeReady,
    });
    try {
      for (let packing = part.takePage(); packing !== undefined; packing = part.takePage()) {
        const packed = await packing;
        await group.add(await packed.unpack());
        part.held.bytes -= packed.bytes;
        part.held.entries -= packed.entries;
        this.#decide();
      }
      await group.finish();
    } finally {
      await group.settle();
    }
    // A page that was read ahead and came to be appended in its turn.
    part.held.bytes = 0;
    part.held.entries = 0;
    part.isDraining = false;
    this.#decide();
  }
}

function smaller(one: Readonly<HeldSize>, other: Readonly<HeldSize>): Readonly<HeldSize> {
  return { bytes: Math.min(one.bytes, other.bytes), entries: Math.min(one.entries, other.entries) };
}
