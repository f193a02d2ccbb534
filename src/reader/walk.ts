/**
 * One walk over pages in ascending order, from a position until caught up or to an end.
 *
 * `starting_from` may be inclusive or exclusive, even in turns: known entries are dropped by the ledger, so both are
 * right. A page always holds every entry of a timestamp, so the time of its last entry is a safe position where the
 * API's own does not advance. Caught up means nothing new and no further position:
 *
 *     page ──▶ append ──▶ next position?
 *                          absent ─────────────────────────────▶ caught up
 *                          at or past the end ─────────────────▶ end
 *                          further, past the API's clock at the start ▶ caught up
 *                          further, nothing new, just to a known end ─▶ known end
 *                          further ────────────────────────────▶ next page
 *                          not further, nothing new, from a known end ▶ known end
 *                          not further, page full ─▶ ask larger ─▶ as below
 *                          not further, position included ─▶ step over the timestamp ─▶ caught up
 *                          not further, nothing new ───────────▶ caught up
 */
import type { AuditPage } from '../cloud-api/audit-page.ts';
import { CloudApiError } from '../cloud-api/cloud-api-error.ts';
import { beginningOfTime } from '../ledger/coverage.ts';
import { formatTimestamp, nanos, nanosFromMs, parseTimestamp, type Nanos } from '../time.ts';
import { AppendGroup, type WalkedPage } from './append-group.ts';
import { createdAtOf, firstTimeOf, toPageEntries, type PageEntry } from './page-entries.ts';
import type { PageRead, PageSource } from './page-source.ts';
import { stepBetween } from './start-positions.ts';

export interface WalkPlan {
  /** Sent verbatim; undefined: from the beginning. */
  readonly start: string | undefined;
  /** Exclusive end; undefined: until caught up. */
  readonly end: Nanos | undefined;
  /**
   * Where an earlier walk was caught up: a page that is not full, brings nothing new and leads just there, or was asked for
   * from there and leads no further, ends the walk without another request. Undefined: always ask for what lies behind.
   */
  readonly caughtUpAt: Nanos | undefined;
  readonly priority: 'tail' | 'bulk';
  /** Appends one or more whole pages and moves the position to `checkpoint`; resolves to how many entries were new. */
  readonly append: (page: WalkedPage) => Promise<number>;
  /** Told of what `append` will be given when its turn has come. */
  readonly makeReady?: ((page: WalkedPage) => Promise<void>) | undefined;
  /** Told when a timestamp was stepped over because the API gave no other way on. */
  readonly onStepOver: (position: string) => Promise<void>;
}

export interface WalkResult {
  /** `known_end`: where an earlier walk was caught up, and nobody asked what lies behind. */
  readonly outcome: 'caught_up' | 'known_end' | 'end';
  /** The API's clock at the first page; undefined when it did not tell. */
  readonly startedAt: Nanos | undefined;
  /** The API's clock at the last page. */
  readonly serverDate: Nanos | undefined;
  /** The furthest position, verbatim; undefined when there was none. */
  readonly position: string | undefined;
  readonly added: number;
  readonly pages: number;
}

interface Position {
  readonly text: string | undefined;
  readonly at: Nanos;
}

export async function walk(
  source: PageSource,
  plan: WalkPlan,
  options: { readonly signal: AbortSignal },
): Promise<WalkResult> {
  const group = new AppendGroup(plan);
  const fetching = new AbortController();
  const stop = (): void => fetching.abort(options.signal.reason);
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  try {
    return await walkPages({ source, plan, group, signal: fetching.signal });
  } finally {
    options.signal.removeEventListener('abort', stop);
    // A page asked for ahead is of no use to anybody now; what was read is not left behind.
    fetching.abort();
    await group.settle();
  }
}

interface Walk {
  readonly source: PageSource;
  readonly plan: WalkPlan;
  readonly group: AppendGroup;
  readonly signal: AbortSignal;
}

async function walkPages(context: Walk): Promise<WalkResult> {
  const { plan, group, signal } = context;
  let position: Position = { text: plan.start, at: timeOf(plan.start) };
  let ahead: Promise<PageRead> | undefined;
  let startedAt: Nanos | undefined;
  const chase = new ClockChase();
  for (let pages = 1; ; pages += 1) {
    signal.throwIfAborted();
    const read: PageRead = await group.whileAppending(ahead ?? readPage(context, position));
    ahead = undefined;
    const { page } = read;
    startedAt ??= page.serverDate;
    const next = nextPosition(read, position);
    const walked: WalkedPage = {
      entries: toEntries(page, position),
      checkpoint: next?.text ?? lastTime(page)?.text ?? position.text,
      serverDate: page.serverDate,
    };
    if (next !== undefined && isAnotherPageCertain(read, { position, next, plan })) {
      // What this page brings decides nothing: the next one is fetched while it is appended.
      ahead = keepForLater(readPage(context, next));
      await group.add(walked);
      position = next;
      continue;
    }
    const brought = await group.drain(walked);
    const result = { startedAt, serverDate: page.serverDate, added: group.added, pages };
    if (next === undefined) {
      return { ...result, outcome: 'caught_up', position: lastTime(page)?.text ?? position.text };
    }
    if (plan.end !== undefined && next.at >= plan.end)
      return { ...result, outcome: 'end', position: next.text };
    if (next.at > position.at) {
      const isChasing = chase.follows(read, { from: position, to: next, startedAt });
      if (isCaughtUp(read, next, { startedAt, brought }) || (plan.end === undefined && isChasing)) {
        return { ...result, outcome: 'caught_up', position: next.text };
      }
      const known = knownEnd(read, next, { plan, brought });
      if (known !== undefined) return { ...result, outcome: 'known_end', position: known.text };
      position = next;
      continue;
    }
    if (brought === 0 && position.at === plan.caughtUpAt && !isFull(read)) {
      return { ...result, outcome: 'known_end', position: position.text };
    }
    const beyond = await pageBeyond(context, position, read);
    if (beyond !== undefined) {
      ahead = Promise.resolve(beyond.read);
      position = beyond.position;
    } else if (brought === 0) {
      return { ...result, outcome: 'caught_up', position: position.text };
    }
  }
}

/** Empty pages in a row that lead no further than time went by; after so many the walk is only waiting. */
const chasedPagesMax = 3;
const chaseSlackMs = 1000;
const nearPresent = 3_600_000_000_000n;

/**
 * Tells a server that answers "now" from one with empty pages in the middle where its `Date` is ahead of its positions: there the
 * walk would follow the present, as fast as the rate allows, until the difference has gone by.
 */
class ClockChase {
  #pages = 0;
  #askedAt = performance.now();

  follows(
    read: PageRead,
    {
      from,
      to,
      startedAt,
    }: { readonly from: Position; readonly to: Position; readonly startedAt: Nanos | undefined },
  ): boolean {
    const elapsedMs = performance.now() - this.#askedAt;
    this.#askedAt = performance.now();
    const isPresent = to.at >= (startedAt ?? nanosFromMs(Date.now())) - nearPresent;
    const isShort = Number(to.at - from.at) / 1e6 <= elapsedMs + chaseSlackMs;
    this.#pages = read.page.entries.length === 0 && isPresent && isShort ? this.#pages + 1 : 0;
    return this.#pages >= chasedPagesMax;
  }
}

/**
 * The position leads to where the API's clock was at the start. What came since is the next walk's: a log that grows all
 * the time is not chased.
 */
function isCaughtUp(
  read: PageRead,
  next: Position,
  known: { readonly startedAt: Nanos | undefined; readonly brought: number },
): boolean {
  // After a full page of entries there may be more, even where their times lie ahead of the API's clock.
  if (isFull(read) && next.at === lastTime(read.page)?.at) return false;
  // Without the API's clock, ours: a little later than the truth at worst, and then the next page decides.
  return next.at >= (known.startedAt ?? nanosFromMs(Date.now())) && (known.brought === 0 || !isFull(read));
}

/**
 * Where the page leads with nothing new, if an earlier walk was caught up just there: its position, or the time of its last
 * entry where positions are coarser than times. Undefined elsewhere.
 */
function knownEnd(
  read: PageRead,
  next: Position,
  known: { readonly plan: WalkPlan; readonly brought: number },
): { readonly text: string | undefined } | undefined {
  if (known.brought > 0 || isFull(read)) return undefined;
  const last = lastTime(read.page);
  const reached = last !== undefined && last.at > next.at ? last : next;
  return reached.at === known.plan.caughtUpAt ? reached : undefined;
}

function isFull(read: PageRead): boolean {
  return read.page.entries.length >= read.limit;
}

/** A full page that leads further: the next one can be fetched while this one is appended. */
function isAnotherPageCertain(
  read: PageRead,
  places: { readonly position: Position; readonly next: Position | undefined; readonly plan: WalkPlan },
): boolean {
  const { position, next, plan } = places;
  if (next === undefined || next.at <= position.at || !isFull(read)) return false;
  return next.at === lastTime(read.page)?.at && (plan.end === undefined || next.at < plan.end);
}

/** Its failure is met where it is awaited; until then it must not count as unhandled. */
function keepForLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function readPage(context: Walk, position: Position, limit?: number): Promise<PageRead> {
  return context.source.read({
    startingFrom: position.text,
    priority: context.plan.priority,
    ...(limit === undefined ? {} : { limit }),
    signal: context.signal,
  });
}

/**
 * A page that does not lead further. A full one may be part of more entries at one timestamp than a page holds, on a
 * server that includes `starting_from`: a larger page shows whether there is more. Where the server won't give one, or
 * gives fewer entries than it was asked for and only those of the position itself, the timestamp, which a page always
 * holds whole, is stepped over. Undefined when there is nothing beyond.
 */
async function pageBeyond(
  context: Walk,
  position: Position,
  read: PageRead,
): Promise<{ readonly read: PageRead; readonly position: Position } | undefined> {
  const held = read.page.entries.length;
  if (isFull(read)) {
    const larger = await readPage(context, position, held + read.limit);
    if (larger.page.entries.length > held) return { read: larger, position };
  }
  const isInclusive = read.page.entries.some((entry) => createdAtOf(entry) === position.at);
  if (!isInclusive || position.text === undefined) return undefined;
  const texts = [position.text, ...read.page.entries.map((entry) => entry.createdAt)];
  const at = nanos(position.at + stepBetween(texts));
  const over: Position = { text: formatTimestamp(at), at };
  const beyond = await readPage(context, over);
  const hasMore = beyond.page.entries.some((entry) => (createdAtOf(entry) ?? position.at) > position.at);
  const leadsOn = timeOf(beyond.page.nextStartingFrom ?? over.text) > over.at;
  if (!hasMore && !leadsOn) return undefined;
  if (hasMore) await context.plan.onStepOver(position.text);
  return { read: beyond, position: over };
}

/**
 * Where the page leads: the API's own position, verbatim. The time of its last entry instead where the API's does not
 * advance, and where a full page is followed by no position or by one in the future: there may be more before it.
 * Undefined when the API says that there is nothing further.
 */
function nextPosition(read: PageRead, position: Position): Position | undefined {
  const { page } = read;
  const text = page.nextStartingFrom;
  const next = text === undefined || text === '' ? undefined : { text, at: timeOf(text) };
  const last = lastTime(page);
  if (last === undefined || last.at <= position.at) return next;
  if (next === undefined) return isFull(read) ? last : undefined;
  if (next.at <= position.at) return last;
  return isFull(read) && next.at > last.at && page.serverDate !== undefined && next.at >= page.serverDate
    ? last
    : next;
}

/** The time of the last entry that has one. */
function lastTime(page: AuditPage): Position | undefined {
  const last = page.entries.findLast((entry) => createdAtOf(entry) !== undefined);
  const at = last === undefined ? undefined : createdAtOf(last);
  const text = last?.createdAt;
  return at === undefined || typeof text !== 'string' ? undefined : { text, at };
}

function toEntries(page: AuditPage, position: Position): PageEntry[] {
  const pageTime = timeOfPage(page, position);
  return toPageEntries(page.entries, pageTime);
}

/** For entries without a usable time. */
function timeOfPage(page: AuditPage, position: Position): Nanos {
  if (position.text !== undefined) return position.at;
  return firstTimeOf(page.entries) ?? page.serverDate ?? nanos(0n);
}

function timeOf(position: string | undefined): Nanos {
  if (position === undefined) return beginningOfTime;
  const time = parseTimestamp(position);
  if (time !== undefined) return time;
  throw new CloudApiError(
    `The Cloud API answered GET /api/v1/auditlogevents with a next_starting_from that is no timestamp: ` +
      `${JSON.stringify(position.slice(0, 60))}. Nothing was moved; the position stays where it was.`,
    { code: 'response_unusable', retryable: true },
  );
}
