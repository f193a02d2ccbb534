/** One part of a stretch: what its reader has asked for, and the pages that wait for the parts to the left of it. */
import type { AuditPage } from '../cloud-api/audit-page.ts';
import { parseTimestamp, type Nanos } from '../time.ts';
import type { WalkedPage } from './append-group.ts';
import { packPage, sizeOf, unpackedPage, type HeldSize, type PackedPage } from './packed-page.ts';
import type { PageRead } from './page-source.ts';
import { firstTimeOf } from './page-entries.ts';
import type { Cuttable } from './split-point.ts';
import type { WalkResult } from './walk.ts';

/** What a reader that does not get on meets again are the entries of its last page. */
const keysMax = 10_000;

export class StretchPart implements Cuttable {
  /** Sent verbatim. */
  readonly start: string | undefined;
  readonly from: Nanos;
  /** Moved to the left where the part is cut, never behind a position that was asked for; to the right where it takes one over. */
  end: Nanos;
  asked: Nanos;
  pageSpan: number | undefined;
  pages = 0;
  planned: number | undefined;
  /** A page was asked for: whoever reads into it from the left can't take it over any more. */
  hasStarted = false;
  readonly stop: AbortController = new AbortController();
  state: 'reading' | 'read' | 'failed' = 'reading';
  walking: Promise<WalkResult> | undefined;
  /** Set when the part has become the leftmost: fulfilled when all it held is appended. */
  drained: Promise<void> | undefined;
  isDraining = false;
  readonly held: HeldSize = { bytes: 0, entries: 0 };
  readonly #pages: Promise<PackedPage>[] = [];
  #keys = new Set<string>();
  #keysBefore = new Set<string>();
  #lastSeen: Nanos | undefined;

  constructor(range: { start: string | undefined; from: Nanos; end: Nanos; pageSpan: number | undefined }) {
    this.start = range.start;
    this.from = range.from;
    this.asked = range.from;
    this.end = range.end;
    this.pageSpan = range.pageSpan;
    // Where the part was cut from another, the log began before it.
    this.#lastSeen = range.pageSpan === undefined ? undefined : range.from;
  }

  /**
   * Learns how far the reader is; tells how much time the page took, in nanoseconds. What lies before the log's first entry is
   * no measure.
   */
  measure({ page }: PageRead): number | undefined {
    this.pages += 1;
    if (page.entries.length === 0) this.#reach(positionAfter(page));
    const last = firstTimeOf(page.entries.toReversed());
    const since = this.#lastSeen ?? firstTimeOf(page.entries);
    this.#reach(last);
    if (last === undefined || since === undefined || last <= since) return undefined;
    this.pageSpan = Number(last - since);
    this.#lastSeen = last;
    return this.pageSpan;
  }

  #reach(time: Nanos | undefined): void {
    if (time !== undefined && time > this.asked) this.asked = time;
  }

  /** Keeps the page until its turn, packed or as it is; tells how many of its entries are not among the last that it kept. */
  async keep(page: WalkedPage, { isPacked }: { readonly isPacked: boolean }): Promise<number> {
    const packing = isPacked ? packPage(page) : Promise.resolve(unpackedPage(page));
    // At once: the part's turn may come meanwhile.
    this.#pages.push(packing);
    const added = page.entries.filter(({ key }) => !this.#keys.has(key) && !this.#keysBefore.has(key)).length;
    if (this.#keys.size > keysMax) {
      this.#keysBefore = this.#keys;
      this.#keys = new Set();
    }
    for (const { key } of page.entries) this.#keys.add(key);
    const raw = sizeOf(page.entries);
    const { bytes } = await packing;
    // A part whose turn has come holds nothing any more.
    this.held.bytes = Math.max(0, this.held.bytes - raw.bytes + bytes);
    return added;
  }

  /** Gives the pages kept, in order, and lets go of each. */
  takePage(): Promise<PackedPage> | undefined {
    this.#keys.clear();
    this.#keysBefore.clear();
    return this.#pages.shift();
  }
}

function positionAfter({ nextStartingFrom }: AuditPage): Nanos | undefined {
  return nextStartingFrom === undefined ? undefined : parseTimestamp(nextStartingFrom);
}
