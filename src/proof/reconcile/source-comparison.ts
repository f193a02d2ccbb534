/**
 * The ledger and the API, side by side, in the order of time.
 *
 *     page ──▶ looked up in the ledger by key ──▶ missing · changed · drifted
 *       │
 *       └─ position ──▶ everything before it was sent ──▶ the ledger's rows before it that were not ──▶ extra · expired
 *
 * Only what lies between the last closed position and the present one is in memory. The pages are cut elsewhere than the
 * reader's were: another size, and another start, so that a page that a server cuts inside a tie can't hide the same
 * entry twice.
 */
import { randomInt } from 'node:crypto';
import type { AuditSource } from '../../cloud-api/audit-page.ts';
import { idOf } from '../../ledger/entry-id.ts';
import type { Interval } from '../../ledger/coverage.ts';
import { covers } from '../../ledger/coverage.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import {
  knownRows,
  recordedContents,
  rowsOfTime,
  type KnownRow,
  type TimeBlocks,
} from '../../ledger/rows-by-time.ts';
import type { Logger } from '../../logger.ts';
import type { PageEntry } from '../../reader/page-entries.ts';
import { createPageSource } from '../../reader/page-source.ts';
import { positionBefore } from '../../reader/start-positions.ts';
import type { WalkedPage } from '../../reader/append-group.ts';
import { walk } from '../../reader/walk.ts';
import { minNanos, nanos, parseTimestamp, type Nanos } from '../../time.ts';
import { Collected, type FindingKind, type FoundEntry, type RemarkKind } from './findings.ts';

export interface SourceComparisonOptions {
  readonly ledger: Ledger;
  readonly organization: number;
  readonly source: AuditSource;
  readonly blocks: TimeBlocks;
  readonly range: Interval;
  /** The time that was read, within the range. */
  readonly covered: readonly Interval[];
  /** What the reader asks for; other sizes are used here. */
  readonly pageSize: number;
  /** Takes what is missing and what is changed, a page at a time; without it nothing is repaired. */
  readonly repair: ((entries: readonly PageEntry[]) => Promise<number>) | undefined;
  readonly onProgress: (progress: { readonly entries: number; readonly at: Nanos }) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface SourceComparison {
  /** Entries that the API has in the range. */
  readonly atSource: number;
  readonly repaired: number;
  readonly collected: Readonly<Record<FindingKind | RemarkKind, Collected>>;
}

/** The ledger is asked once for so many entries. */
const windowEntries = 5000;
const lookupKeys = 1000;
const minuteMs = 60_000;

export async function compareWithSource(options: SourceComparisonOptions): Promise<SourceComparison> {
  const { range, signal } = options;
  const pageSize = otherPageSize(options.pageSize);
  const oldest = await oldestAtSource(options);
  const comparing = new Comparing(options, oldest);
  // Entries without a time of their own stand where their page begins, which is elsewhere here: a margin at both ends.
  const marginMs = randomInt(minuteMs, 10 * minuteMs);
  await walk(
    createPageSource({ source: options.source, pageSize, logger: options.logger }),
    {
      start: positionBefore(range.from, marginMs),
      end: nanos(range.to + BigInt(marginMs) * 1_000_000n),
      caughtUpAt: undefined,
      priority: 'bulk',
      append: (page) => comparing.page(page),
      onStepOver: async (position) => {
        options.logger.warn({ position }, 'position stepped over, the api gave no other way on');
      },
    },
    { signal },
  );
  return await comparing.finish();
}

/** Neither the reader's page size nor one that is in step with it. */
export function otherPageSize(pageSize: number): number {
  return pageSize < 3 ? pageSize + 1 : Math.max(2, Math.floor(pageSize * 0.618));
}

/** The time of the oldest entry that the API still has; undefined when it shows none that has a time. */
async function oldestAtSource(options: SourceComparisonOptions): Promise<Nanos | undefined> {
  let oldest: Nanos | undefined;
  const walking = new AbortController();
  const stop = (): void => walking.abort(options.signal.reason);
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const enough = Symbol('enough');
  try {
    await walk(
      createPageSource({ source: options.source, pageSize: 10, logger: options.logger }),
      {
        start: undefined,
        end: options.range.to,
        caughtUpAt: undefined,
        priority: 'bulk',
        append: async ({ entries }) => {
          for (const { hasOwnTime, createdAt } of entries) {
            if (hasOwnTime) oldest = oldest === undefined ? createdAt : minNanos(oldest, createdAt);
          }
          if (oldest !== undefined) walking.abort(enough);
          return entries.length;
        },
        onStepOver: async () => undefined,
      },
      { signal: walking.signal },
    );
  } catch (error) {
    if (walking.signal.reason !== enough) throw error;
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
  return oldest;
}

class Comparing {
  readonly #options: SourceComparisonOptions;
  readonly #oldest: Nanos | undefined;
  /** Keys at or after the closed position, by time. */
  readonly #seen = new Map<string, Nanos>();
  readonly #timeless = new Set<string>();
  readonly #collected: Record<FindingKind | RemarkKind, Collected> = {
    missing: new Collected(),
    extra: new Collected(),
    changed: new Collected(),
    unread: new Collected(),
    drifted: new Collected(),
    recorded: new Collected(),
    expired: new Collected(),
  };
  #closedTo: Nanos;
  #atSource = 0;
  #repaired = 0;

  constructor(options: SourceComparisonOptions, oldest: Nanos | undefined) {
    this.#options = options;
    this.#oldest = oldest;
    this.#closedTo = options.range.from;
  }

  /** Resolves to how many entries of the page were not sent before. */
  async page(page: WalkedPage): Promise<number> {
    const fresh = page.entries.filter((entry) => this.#isFresh(entry));
    const position = page.checkpoint === undefined ? undefined : parseTimestamp(page.checkpoint);
    const inside = fresh.filter(({ createdAt }) => this.#isInRange(createdAt));
    this.#atSource += inside.length;
    await this.#compare(inside);
    if (position !== undefined) {
      if (this.#seen.size >= windowEntries) await this.#close(position);
      this.#options.onProgress({ entries: this.#atSource, at: position });
    }
    return fresh.length;
  }

  async finish(): Promise<SourceComparison> {
    await this.#close(this.#options.range.to);
    for (const key of this.#timeless) this.#collected.extra.takeBack(key);
    await this.#lookAgain();
    return { atSource: this.#atSource, repaired: this.#repaired, collected: this.#collected };
  }

  #isInRange(time: Nanos): boolean {
    return this.#options.range.from <= time && time < this.#options.range.to;
  }

  #isFresh({ key, createdAt, hasOwnTime }: PageEntry): boolean {
    if (!hasOwnTime) {
      const isNew = !this.#timeless.has(key);
      this.#timeless.add(key);
      return isNew;
    }
    // What lies before the closed position was compared; a server that sends it again brings nothing new.
    if (this.#isInRange(createdAt) && createdAt < this.#closedTo) return false;
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, createdAt);
    return true;
  }

  async #compare(entries: readonly PageEntry[]): Promise<void> {
    const { ledger, organization, covered, repair } = this.#options;
    const known = await knownRows(
      ledger,
      organization,
      entries.map(({ key }) => key),
    );
    const differing: { readonly entry: PageEntry; readonly row: KnownRow }[] = [];
    const toRepair: PageEntry[] = [];
    for (const entry of entries) {
      const row = known.get(entry.key);
      if (row === undefined) {
        const kind = covers(covered, entry.createdAt) ? 'missing' : 'unread';
        this.#collected[kind].add(entry.key, found(entry, undefined));
        if (kind === 'missing') toRepair.push(entry);
      } else if (!entry.lineSha256.equals(row.lineSha256)) {
        if (entry.contentSha256().equals(row.contentSha256))
          this.#collected.drifted.add(entry.key, found(entry, row));
        else differing.push({ entry, row });
      }
    }
    toRepair.push(...(await this.#sortDiffering(differing)));
    if (repair !== undefined && toRepair.length > 0) this.#repaired += await repair(toRepair);
  }

  /** Content that is kept already is no news; the rest is. */
  async #sortDiffering(
    differing: readonly { readonly entry: PageEntry; readonly row: KnownRow }[],
  ): Promise<PageEntry[]> {
    const { ledger, organization } = this.#options;
    const recorded = await recordedContents(
      ledger,
      organization,
      differing.map(({ entry }) => entry.key),
    );
    const changed: PageEntry[] = [];
    for (const { entry, row } of differing) {
      const isRecorded = recorded.has(`${entry.key} ${entry.contentSha256().toString('hex')}`);
      this.#collected[isRecorded ? 'recorded' : 'changed'].add(entry.key, found(entry, row));
      if (!isRecorded) changed.push(entry);
    }
    return changed;
  }

  /** Everything before the position was sent: what the ledger has there and the API did not send is extra. */
  async #close(position: Nanos): Promise<void> {
    const { ledger, blocks, range } = this.#options;
    const to = minNanos(position, range.to);
    if (to <= this.#closedTo) return;
    for await (const rows of rowsOfTime(ledger, blocks, { from: this.#closedTo, to })) {
      for (const { key, createdAt, sequence } of rows) {
        if (this.#seen.has(key) || this.#timeless.has(key)) continue;
        // An empty log can't be told from a wrong answer, so nothing counts as expired there.
        const isExpired = this.#oldest !== undefined && createdAt < this.#oldest;
        this.#collected[isExpired ? 'expired' : 'extra'].add(key, { id: key, createdAt, sequence });
      }
    }
    for (const [key, time] of this.#seen) if (time < to) this.#seen.delete(key);
    this.#closedTo = to;
  }

  /** Another process may have read meanwhile what was missing. */
  async #lookAgain(): Promise<void> {
    const { ledger, organization, repair } = this.#options;
    if (repair !== undefined) return;
    const keys = this.#collected.missing.keys();
    for (let start = 0; start < keys.length; start += lookupKeys) {
      const portion = keys.slice(start, start + lookupKeys);
      for (const key of (await knownRows(ledger, organization, portion)).keys())
        this.#collected.missing.takeBack(key);
    }
  }
}

function found(entry: PageEntry, row: KnownRow | undefined): FoundEntry {
  const { raw, lineSha256, createdAt } = entry;
  return { id: idOf({ raw, sha256: lineSha256 }), createdAt, sequence: row?.sequence };
}
