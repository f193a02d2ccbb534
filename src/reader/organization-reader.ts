/**
 * Reading one organization under its lease: the tail, what was demanded of the past, and the re-scan.
 *
 * Tail and stretches are walked side by side; appends go one at a time. Coverage is kept here in memory, since only the
 * lease's holder changes it.
 */
import type { AuditSource } from '../cloud-api/audit-page.ts';
import { append, type AppendResult, type PositionMove } from '../ledger/append.ts';
import { covers, endOfTime, type Interval } from '../ledger/coverage.ts';
import { writeJournal } from '../ledger/journal.ts';
import type { Lease } from '../ledger/leases.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { findOrganization, type Organization } from '../ledger/organizations.ts';
import { prepareEntries, type NewEntry, type PreparedEntries } from '../ledger/prepared-entries.ts';
import {
  demandCoverage,
  finishDemand,
  finishRescan,
  finishStretch,
  fixBoundary,
  openDemands,
  readCoverage,
  readStretches,
  type Stretch,
  type WantedCoverage,
} from '../ledger/stretches.ts';
import type { Logger } from '../logger.ts';
import { formatTimestamp, minNanos, nanos, nanosFromMs, parseTimestamp, type Nanos } from '../time.ts';
import type { PageEntry } from './page-entries.ts';
import { createPageSource, type PageSource } from './page-source.ts';
import type { ReaderObserver } from './reader-observer.ts';
import { createSerial } from './serial.ts';
import { tailStart, positionBefore, rescanStart } from './start-positions.ts';
import { TailEnd, type Place } from './tail-end.ts';
import type { WalkedPage } from './append-group.ts';
import { walkInParallel } from './parallel-walk.ts';
import type { walk, WalkResult } from './walk.ts';

export interface ReaderSettings {
  readonly pageSize: number;
  readonly overlapMs: number;
  readonly rescanWindowMs: number;
}

export interface ReaderOptions {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly organization: Organization;
  readonly source: AuditSource;
  readonly settings: ReaderSettings;
  readonly observer: ReaderObserver;
  readonly logger: Logger;
}

export interface OrganizationReader {
  /** First contact, once: where the tail begins. Must come before everything else. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Demands the interval and reads every unfinished stretch to its end. */
  readPast(demand: WantedCoverage, signal: AbortSignal): Promise<void>;
  /** One sweep of the tail until caught up; at times a look behind its end, and a sweep only where something is there. */
  sweepTail(signal: AbortSignal): Promise<void>;
  /** Goes over the last days again for what came later than the overlap. */
  rescan(signal: AbortSignal): Promise<void>;
  /** Appends what a comparison found missing, as late entries; no position moves. Resolves to how many it kept. */
  appendMissing(entries: readonly PageEntry[]): Promise<number>;
  /** Covers what backfills asked for; resolves to how many demands were finished. */
  serveDemands(signal: AbortSignal): Promise<number>;
}

export function createOrganizationReader(options: ReaderOptions): OrganizationReader {
  return new LeasedReader(options);
}

class LeasedReader implements OrganizationReader {
  readonly #options: ReaderOptions;
  readonly #pages: PageSource;
  readonly #serial = createSerial();
  readonly #past = createSerial();
  readonly #tail = createSerial();
  readonly #rescan = createSerial();
  #organization: Organization;
  #coverage: Interval[] = [];
  /** Nothing is known of it at first: the first sweep under a lease follows every position to its end. */
  readonly #tailEnd = new TailEnd();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#organization = options.organization;
    this.#pages = createPageSource({
      source: options.source,
      pageSize: options.settings.pageSize,
      logger: options.logger,
    });
  }

  async prepare(signal: AbortSignal): Promise<void> {
    const { ledger, lease, settings } = this.#options;
    await this.#reload();
    if (this.#organization.boundary !== undefined) return;
    const serverDate = await this.#askTheTime(signal);
    await fixBoundary(ledger, lease, { serverDate, overlapMs: settings.overlapMs });
    await this.#reload();
  }

  async readPast(demand: WantedCoverage, signal: AbortSignal): Promise<void> {
    await this.#past(async () => {
      const { ledger, lease, organization } = this.#options;
      await demandCoverage(ledger, lease, demand);
      for (const stretch of await readStretches(ledger, organization.id))
        await this.#readStretch(stretch, demand.parallel ?? 1, signal);
    });
  }

  async sweepTail(signal: AbortSignal): Promise<void> {
    await this.#tail(async () => {
      const look = this.#tailEnd.look;
      if (look === undefined) await this.#sweep({ caughtUpAt: this.#tailEnd.at }, signal);
      else if (await this.#isMoreBehind(look, signal)) await this.#sweep({ caughtUpAt: undefined }, signal);
      else this.#tailEnd.lookedInVain();
    });
  }

  async rescan(signal: AbortSignal): Promise<void> {
    await this.#rescan(async () => {
      await this.#reload();
      const { ledger, lease, settings, logger } = this.#options;
      const start = rescanStart(this.#organization, this.#boundary());
      const result = await this.#walk(
        {
          start: positionBefore(start, settings.rescanWindowMs),
          end: undefined,
          caughtUpAt: undefined,
          priority: 'bulk',
        },
        { signal, move: () => ({ kind: 'none' }) },
      );
      await finishRescan(ledger, lease, result.startedAt ?? nanosFromMs(Date.now()));
      logger.info({ pages: result.pages, newEntries: result.added }, 're-scan finished');
    });
  }

  async serveDemands(signal: AbortSignal): Promise<number> {
    const { ledger, lease, organization } = this.#options;
    const demands = await openDemands(ledger, organization.id);
    for (const demand of demands) {
      await this.readPast(demand, signal);
      // Whoever asked is told that everything is there: it is looked for to its end, overlap included.
      if (demand.to > this.#boundary())
        await this.#tail(() => this.#sweep({ caughtUpAt: undefined }, signal));
      await finishDemand(ledger, lease, demand);
    }
    return demands.length;
  }

  async appendMissing(entries: readonly PageEntry[]): Promise<number> {
    const { ledger, lease, observer, organization } = this.#options;
    return await this.#serial(async () => {
      const result = await append(ledger, lease, { entries, move: { kind: 'none' } });
      observer.appended(organization.name, result);
      await this.#report(result);
      return result.added.length + result.changed.length;
    });
  }

  async #sweep(from: { readonly caughtUpAt: Nanos | undefined }, signal: AbortSignal): Promise<void> {
    await this.#reload();
    const { overlapMs } = this.#options.settings;
    const result = await this.#walk(
      {
        start: positionBefore(tailStart(this.#organization, this.#boundary()), overlapMs),
        end: undefined,
        caughtUpAt: from.caughtUpAt,
        priority: 'tail',
      },
      { signal, move: (page) => this.#tailMove(page.checkpoint, page.serverDate, undefined) },
    );
    await this.#finishTail(result);
  }

  /**
   * One page from there. What it brings is appended, and no position moves: the sweep that has to follow starts where it
   * would have without it, so that what came late in the same moment is within its overlap, whenever the process dies.
   */
  async #isMoreBehind(place: Place, signal: AbortSignal): Promise<boolean> {
    await this.#reload();
    const result = await this.#walk(
      {
        start: place.text,
        // Whatever leads further shows that there is more.
        end: nanos(place.at + 1n),
        caughtUpAt: place.at,
        priority: 'tail',
      },
      { signal, move: (page) => this.#tailMove(undefined, page.serverDate, undefined) },
    );
    if (result.added > 0 || result.outcome === 'end') return true;
    this.#options.logger.debug({ pages: result.pages }, 'sweep finished, nothing new');
    return false;
  }

  async #readStretch(stretch: Stretch, parallel: number, signal: AbortSignal): Promise<void> {
    const { ledger, lease, logger, observer, organization } = this.#options;
    const isInside = (entry: PageEntry): boolean =>
      !entry.hasOwnTime || (stretch.from <= entry.createdAt && entry.createdAt < stretch.to);
    // Parts overlap where they meet: the end of one may lie behind the first page of the next.
    let furthest: Nanos | undefined;
    const result = await this.#walk(
      {
        start: stretch.checkpoint ?? positionBefore(stretch.from, 0),
        end: stretch.to,
        caughtUpAt: undefined,
        priority: 'bulk',
      },
      {
        signal,
        parallel,
        accepts: isInside,
        move: (page) => {
          const at = page.checkpoint === undefined ? undefined : parseTimestamp(page.checkpoint);
          if (at !== undefined && furthest !== undefined && at < furthest) return { kind: 'none' };
          furthest = at ?? furthest;
          if (at !== undefined)
            observer.pastProgress(organization.name, { at, from: stretch.from, to: stretch.to });
          return page.checkpoint === undefined
            ? { kind: 'none' }
            : { kind: 'stretch', from: stretch.from, checkpoint: page.checkpoint };
        },
      },
    );
    await finishStretch(ledger, lease, stretch);
    await this.#reload();
    logger.info(
      { pages: result.pages, newEntries: result.added, to: formatTimestamp(stretch.to) },
      'past read to the end of a stretch',
    );
  }

  async #walk(
    plan: Omit<Parameters<typeof walk>[1], 'append' | 'onStepOver'>,
    options: {
      readonly signal: AbortSignal;
      /** Of a plan with an end. */
      readonly parallel?: number;
      readonly accepts?: (entry: PageEntry) => boolean;
      readonly move: (page: WalkedPage) => PositionMove;
    },
  ): Promise<WalkResult> {
    const { ledger, organization, logger } = this.#options;
    const accepts = options.accepts ?? ((entry: PageEntry): boolean => this.#isDemanded(entry));
    const prepared = new WeakMap<WalkedPage, PreparedEntries>();
    return await walkInParallel(
      this.#pages,
      {
        ...plan,
        append: async (page) => {
          const entries = page.entries.filter(accepts);
          return await this.#serial(() =>
            this.#append({
              entries,
              seen: page.entries,
              move: options.move(page),
              prepared: prepared.get(page),
            }),
          );
        },
        makeReady: async (page) => {
          const entries = page.entries.filter(accepts);
          if (entries.length > 0) prepared.set(page, await prepareEntries(organization.id, entries));
        },
        onStepOver: async (position) => {
          logger.warn({ position }, 'position stepped over, the api gave no other way on');
          await writeJournal(ledger, {
            what: 'position_stepped_over',
            organization: organization.id,
            detail: { position },
          });
        },
      },
      { signal: options.signal, parallel: options.parallel ?? 1 },
    );
  }

  async #append(page: {
    readonly entries: readonly PageEntry[];
    readonly seen: readonly PageEntry[];
    readonly move: PositionMove;
    readonly prepared: PreparedEntries | undefined;
  }): Promise<number> {
    const { ledger, lease, observer, organization } = this.#options;
    observer.entriesRead(organization.name, page.seen.length);
    const result = await append(ledger, lease, {
      entries: page.entries,
      move: page.move,
      prepared: page.prepared,
    });
    observer.appended(organization.name, result);
    await this.#report(result);
    return result.added.length;
  }

  /** Late, changed and timeless entries are told, in one line per page at most. */
  async #report(result: AppendResult): Promise<void> {
    const { ledger, organization, observer, logger } = this.#options;
    const timeless = result.added.filter(isTimeless);
    // An entry without a time of its own can't be late.
    const late = result.added.filter((entry) => !isTimeless(entry) && this.#isRead(entry.createdAt));
    if (late.length > 0) {
      const now = this.#organization.serverDate ?? nanosFromMs(Date.now());
      const oldest = late.reduce((least, entry) => minNanos(least, entry.createdAt), endOfTime);
      const lateBySeconds = Number((now - oldest) / 1_000_000_000n);
      observer.late(organization.name, { entries: late.length, lateBySeconds });
      logger.warn({ lateEntries: late.length, lateBySeconds }, 'entries came late');
      const detail = { entries: late.length, lateBySeconds };
      await writeJournal(ledger, { what: 'late_entries', organization: organization.id, detail });
    }
    if (result.changed.length > 0) {
      logger.warn(
        { changedEntries: result.changed.map((entry) => entry.key).slice(0, 10) },
        'entries changed at the source',
      );
    }
    if (timeless.length > 0) {
      logger.warn(
        { entries: timeless.length },
        'entries without a usable time took the position of their page',
      );
      const detail = { entries: timeless.length };
      await writeJournal(ledger, { what: 'entry_without_time', organization: organization.id, detail });
    }
  }

  async #finishTail(result: WalkResult): Promise<void> {
    const { ledger, lease, logger } = this.#options;
    const reached = result.position === undefined ? undefined : parseTimestamp(result.position);
    const date = result.serverDate;
    const coveredTo =
      reached !== undefined && date !== undefined ? minNanos(reached, date) : (reached ?? date);
    await this.#serial(() =>
      append(ledger, lease, { entries: [], move: this.#tailMove(result.position, date, coveredTo) }),
    );
    this.#tailEnd.swept(result);
    await this.#reload();
    if (result.added > 0) {
      logger.info(
        { pages: result.pages, newEntries: result.added, position: result.position },
        'sweep finished',
      );
    } else logger.debug({ pages: result.pages }, 'sweep finished, nothing new');
  }

  /** The tail's checkpoint only moves forward: the overlap before it was read already. */
  #tailMove(
    checkpoint: string | undefined,
    serverDate: Nanos | undefined,
    coveredTo: Nanos | undefined,
  ): PositionMove {
    const saved = this.#organization.tailCheckpoint;
    const isFurther =
      checkpoint !== undefined &&
      (saved === undefined || (parseTimestamp(checkpoint) ?? 0n) > (parseTimestamp(saved) ?? 0n));
    if (isFurther) this.#organization = { ...this.#organization, tailCheckpoint: checkpoint };
    return { kind: 'tail', checkpoint: isFurther ? checkpoint : undefined, coveredTo, serverDate };
  }

  /** What the tail and the re-scan may take: the tail's time and the past that was read; the rest is a stretch's. */
  #isDemanded(entry: PageEntry): boolean {
    return (
      !entry.hasOwnTime || entry.createdAt >= this.#boundary() || covers(this.#coverage, entry.createdAt)
    );
  }

  #isRead(time: Nanos): boolean {
    const boundary = this.#boundary();
    const tailCoveredTo = this.#organization.tailCoveredTo ?? boundary;
    return covers(this.#coverage, time) || (time >= boundary && time < tailCoveredTo);
  }

  #boundary(): Nanos {
    const { boundary } = this.#organization;
    if (boundary === undefined) throw new TypeError('prepare() comes before reading');
    return boundary;
  }

  async #reload(): Promise<void> {
    const { ledger, organization } = this.#options;
    this.#organization = (await findOrganization(ledger, organization.name)) ?? this.#organization;
    this.#coverage = await readCoverage(ledger, organization.id);
  }

  /** The API's clock, from the smallest possible page. */
  async #askTheTime(signal: AbortSignal): Promise<Nanos> {
    const { source, logger } = this.#options;
    const page = await source.auditLogPage({ sortOrder: 'DESC', limit: 1, priority: 'tail', signal });
    if (page.serverDate !== undefined) return page.serverDate;
    logger.warn({}, 'the api sends no date, this host’s clock is used instead');
    return nanosFromMs(Date.now());
  }
}

/** The ledger hands back the entries that it was given, which are pages' entries here. */
function isTimeless(entry: NewEntry): boolean {
  return 'hasOwnTime' in entry && entry.hasOwnTime === false;
}
