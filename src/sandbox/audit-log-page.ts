import type { SortOrder } from './sort-order.ts';
import { parseTimestamp, type Nanos } from '../time.ts';
import { Refusal, type Answer } from './answer.ts';
import type { AuditLog, Place, Stretch } from './audit-log.ts';
import type { Clock } from './clock.ts';
import { protoTimestamp, type PayloadForm } from './entry-writer.ts';
import { hashText } from './random.ts';
import type { Traps } from './traps.ts';
import type { ApiVersion } from './versions.ts';

const limitDefault = 200;
const hour = 3_600_000_000_000n;

export interface AuditLogEndpointOptions {
  readonly log: AuditLog;
  readonly traps: Traps;
  readonly clock: Clock;
  /** The largest page; a larger limit is cut to it. */
  readonly limitMax: number;
  /** Where a log without entries begins. */
  readonly organizationCreatedAt: string;
}

interface PageRequest {
  readonly startingFrom: string | undefined;
  readonly from: Nanos | undefined;
  readonly order: SortOrder;
  readonly limit: number;
  readonly isInclusive: boolean;
  readonly isLimitMax: boolean;
}

/**
 * `GET /api/v1/auditlogevents`
 * (https://www.cockroachlabs.com/docs/cockroachcloud/cloud-api#export-cloud-organization-audit-logs).
 *
 * Without traps: `starting_from` is exclusive, a timestamp's entries are never parted, ASC always has a next position
 * (the last entry's time, or the request's own where there is nothing new), DESC has none at its end.
 */
export class AuditLogEndpoint {
  readonly #options: AuditLogEndpointOptions;
  readonly #served = new Set<string>();
  #pages = 0;
  #entries = 0;

  constructor(options: AuditLogEndpointOptions) {
    this.#options = options;
  }

  get counters(): { readonly pages: number; readonly entries: number } {
    return { pages: this.#pages, entries: this.#entries };
  }

  answer(query: URLSearchParams, version: ApiVersion): Answer {
    const { log, traps } = this.#options;
    const request = this.#request(query);
    this.#pages += 1;
    const early = traps.fires('empty-pages') ? this.#emptyPage(request) : undefined;
    if (early !== undefined) return pageAnswer([], early, traps);
    const stretch = log.read({ ...request, limit: this.#shortened(request.limit) });
    const places = this.#shown(stretch, request);
    const next = this.#next(stretch, places, request);
    const form = this.#form(version);
    const texts = places.map((place) => this.#text(place, form));
    this.#entries += texts.length;
    if (stretch.isEnd && request.order === 'ASC' && log.isWithholding) log.reveal();
    return pageAnswer(texts, next, traps);
  }

  #request(query: URLSearchParams): PageRequest {
    const { traps, limitMax } = this.#options;
    const startingFrom = query.get('starting_from') ?? query.get('startingFrom') ?? undefined;
    const from = startingFrom === undefined ? undefined : parseTimestamp(startingFrom);
    if (startingFrom !== undefined && from === undefined) {
      throw new Refusal(
        'invalidArgument',
        `parsing field "starting_from": invalid timestamp "${startingFrom}"`,
      );
    }
    const order = query.get('sort_order') ?? query.get('sortOrder') ?? 'ASC';
    if (order !== 'ASC' && order !== 'DESC') {
      throw new Refusal('invalidArgument', `parsing field "sort_order": invalid value "${order}"`);
    }
    const limitText = query.get('limit') ?? String(limitDefault);
    const limit = Number(limitText);
    if (!/^\d{1,10}$/.test(limitText) || limit > 2_147_483_647) {
      throw new Refusal('invalidArgument', `parsing field "limit": invalid value "${limitText}"`);
    }
    if (traps.has('limit-refused') && limit > limitDefault) {
      throw new Refusal('invalidArgument', `invalid argument: limit must be at most ${limitDefault}`);
    }
    return {
      startingFrom,
      from,
      order,
      // Zero is what an unset number looks like on the wire.
      limit: Math.min(limit === 0 ? limitDefault : limit, limitMax),
      isLimitMax: limit >= limitMax,
      isInclusive: traps.has('inclusive') || (traps.has('exclusive-then-inclusive') && this.#pages >= 4),
    };
  }

  #shortened(limit: number): number {
    return this.#options.traps.fires('short-pages') ? Math.max(1, Math.floor(limit / 3)) : limit;
  }

  /** The position of a page that is empty although entries follow: right before the next of them. */
  #emptyPage(request: PageRequest): string | undefined {
    const [first] = this.#options.log.read({ ...request, limit: 1 }).places;
    if (first === undefined) return undefined;
    const next = first.createdAt + (request.order === 'ASC' ? -1_000n : 1_000n);
    const advances =
      request.from === undefined || (request.order === 'ASC' ? next > request.from : next < request.from);
    return advances ? protoTimestamp(next as Nanos) : undefined;
  }

  /** What is shown of a stretch: all of it, and what a trap repeats. */
  #shown(stretch: Stretch, request: PageRequest): readonly Place[] {
    const { log, traps } = this.#options;
    const isAscending = request.order === 'ASC';
    if (isAscending && stretch.places.length === 0 && traps.has('tail-repeats-entries')) {
      return log.read({ from: undefined, isInclusive: true, order: 'DESC', limit: 3 }).places.toReversed();
    }
    if (request.from === undefined || !traps.fires('repeated-ids')) return stretch.places;
    const before = log.read({
      from: request.from,
      isInclusive: !request.isInclusive,
      order: isAscending ? 'DESC' : 'ASC',
      limit: 3,
    }).places;
    return [...before.toReversed(), ...stretch.places];
  }

  #next(stretch: Stretch, places: readonly Place[], request: PageRequest): string | undefined {
    const { traps, organizationCreatedAt } = this.#options;
    const echo = request.startingFrom ?? organizationCreatedAt;
    if (stretch.isEnd) {
      const next =
        request.order === 'ASC' ? this.#ascendingEnd(places, echo) : this.#descendingEnd(stretch, request);
      return next !== undefined && traps.has('seconds-cursor') ? cutToSeconds(next) : next;
    }
    if (traps.fires('stuck-cursor')) return echo;
    const last = stretch.places.at(-1)?.createdAt ?? request.from ?? 0n;
    if (traps.fires('backward-cursor')) {
      const back = request.order === 'ASC' ? -hour : hour;
      return request.from === undefined ? echo : protoTimestamp((request.from + back) as Nanos);
    }
    // An inclusive server would send a full group at the position for ever; a larger page, or this, gets past it.
    const isParked = request.isInclusive && request.isLimitMax && last === request.from;
    const next = protoTimestamp((isParked ? this.#following(last, request.order) : last) as Nanos);
    return traps.has('seconds-cursor') ? cutToSeconds(next) : next;
  }

  #following(time: bigint, order: SortOrder): bigint {
    const [first] = this.#options.log.read({ from: time, isInclusive: false, order, limit: 1 }).places;
    return first?.createdAt ?? time;
  }

  #ascendingEnd(places: readonly Place[], echo: string): string | undefined {
    const { traps, clock, log } = this.#options;
    if (traps.has('tail-absent')) return undefined;
    if (traps.has('tail-echo')) return echo;
    if (traps.has('tail-now')) return protoTimestamp(clock.now());
    if (traps.has('tail-future')) return protoTimestamp((clock.now() + 24n * hour) as Nanos);
    const last = traps.has('tail-last') ? log.newest : places.at(-1)?.createdAt;
    return last === undefined ? echo : protoTimestamp(last as Nanos);
  }

  #descendingEnd(stretch: Stretch, request: PageRequest): string | undefined {
    const oldest = stretch.places.at(-1)?.createdAt;
    const isRepeat = oldest === undefined || oldest === request.from;
    return this.#options.traps.has('desc-end-empty') && !isRepeat
      ? protoTimestamp(oldest as Nanos)
      : undefined;
  }

  #form(version: ApiVersion): PayloadForm {
    const { traps } = this.#options;
    const usual = auditPayloadForm(traps, version);
    if (!traps.has('payload-drift')) return usual;
    return this.#pages % 2 === 0 ? 'object' : 'string';
  }

  #text(place: Place, form: PayloadForm): Buffer {
    const { log, traps } = this.#options;
    const text = log.text(place, form);
    if (!traps.has('changed-entries')) return text;
    const key = text.toString('latin1');
    if (hashText(key) / 0x1_0000_0000 >= traps.share('changed-entries', 0.05)) return text;
    if (this.#served.has(key)) return Buffer.concat([text.subarray(0, -1), Buffer.from(',"revised":true}')]);
    this.#served.add(key);
    return text;
  }
}

/** How payloads are printed under a version: an object until 2024, then, without a new version, a string. */
export function auditPayloadForm(traps: Traps, version: ApiVersion): PayloadForm {
  if (traps.has('payload-object')) return 'object';
  if (traps.has('payload-string')) return 'string';
  return version === '2024-09-16' ? 'natural' : 'object';
}

function pageAnswer(texts: readonly Buffer[], next: string | undefined, traps: Traps): Answer {
  const parts: Buffer[] = [];
  const comma = Buffer.from(',');
  for (const [index, text] of texts.entries()) {
    if (index > 0) parts.push(comma);
    parts.push(text);
  }
  const position = next === undefined ? '' : `"next_starting_from":${JSON.stringify(next)}`;
  if (texts.length === 0 && traps.has('entries-missing')) {
    return { status: 200, body: Buffer.from(`{${position}}`) };
  }
  const isNull = texts.length === 0 && traps.has('entries-null');
  const open = Buffer.from(`{"entries":${isNull ? 'null' : '['}`);
  const close = Buffer.from(`${isNull ? '' : ']'}${position === '' ? '' : `,${position}`}}`);
  return { status: 200, body: Buffer.concat([open, ...parts, close]) };
}

function cutToSeconds(timestamp: string): string {
  return timestamp.replace(/\.\d+/, '');
}
