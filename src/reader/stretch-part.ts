/** One part of a stretch: what its reader has asked for, and the pages that wait for the parts to the left of it. */
import type { Nanos } from '../time.ts';
import type { WalkedPage } from './append-group.ts';
import type { PageRead } from './page-source.ts';
import { createdAtOf } from './page-entries.ts';
import { averageSpan, type Cuttable } from './split-point.ts';
import type { WalkResult } from './walk.ts';

export interface HeldSize {
  bytes: number;
  entries: number;
}

export class StretchPart implements Cuttable {
  /** Moved to the left where the part is cut, never behind a position that was asked for. */
  end: Nanos;
  asked: Nanos;
  pageSpan: number | undefined;
  state: 'reading' | 'read' | 'failed' = 'reading';
  walking: Promise<WalkResult> | undefined;
  /** Set when the part has become the leftmost: fulfilled when all it held is appended. */
  drained: Promise<void> | undefined;
  readonly held: HeldSize = { bytes: 0, entries: 0 };
  readonly #start: string | undefined;
  #pages: WalkedPage[] = [];
  readonly #keys = new Set<string>();
  #lastSeen: Nanos | undefined;

  constructor(range: { start: string | undefined; from: Nanos; end: Nanos; pageSpan: number | undefined }) {
    this.#start = range.start;
    this.asked = range.from;
    this.end = range.end;
    this.pageSpan = range.pageSpan;
    // Where the part was cut from another, the log began before it.
    this.#lastSeen = range.pageSpan === undefined ? undefined : range.from;
  }

  /** Sent verbatim. */
  get start(): string | undefined {
    return this.#start;
  }

  /** Learns how far the reader is and how much time a page takes. What lies before the log's first entry is no measure. */
  measure({ page }: PageRead): void {
    const newest = page.entries.findLast((entry) => createdAtOf(entry) !== undefined);
    const oldest = page.entries.find((entry) => createdAtOf(entry) !== undefined);
    if (newest === undefined || oldest === undefined) return;
    const last = createdAtOf(newest);
    const since = this.#lastSeen ?? createdAtOf(oldest);
    if (last !== undefined && last > this.asked) this.asked = last;
    if (last === undefined || since === undefined || last <= since) return;
    this.pageSpan = averageSpan(this.pageSpan, Number(last - since));
    this.#lastSeen = last;
  }

  /** Keeps the page until its turn; tells how many of its entries the part did not have. */
  keep(page: WalkedPage): number {
    this.#pages.push(page);
    const known = this.#keys.size;
    for (const { key } of page.entries) this.#keys.add(key);
    return this.#keys.size - known;
  }

  /** Gives the pages kept, in order, and lets go of each. */
  takePage(): WalkedPage | undefined {
    this.#keys.clear();
    return this.#pages.shift();
  }
}

export function sizeOf(entries: readonly { readonly raw: Buffer }[]): HeldSize {
  return { bytes: entries.reduce((sum, { raw }) => sum + raw.length, 0), entries: entries.length };
}
