/**
 * Pages over a log in memory, for tests of a walk: every answer the API could give is a switch. Nothing of the program
 * stands behind it; it is the third party of the page source.
 */
import type { AuditEntry, AuditPage } from '../../src/cloud-api/audit-page.ts';
import type { PageRead, PageRequest, PageSource } from '../../src/reader/page-source.ts';
import { formatTimestamp, nanos, parseTimestamp, type Nanos } from '../../src/time.ts';

export interface LogEntry {
  readonly id: string;
  readonly at: Nanos;
  /** Verbatim `created_at`; the time with six digits unless a test says otherwise. */
  readonly text?: string;
}

export interface LogPagesOptions {
  /** Ascending by time. */
  readonly log: LogEntry[];
  readonly pageSize: number;
  /** The most entries a page is filled to, whatever was asked. */
  readonly limitMax?: number;
  /** Called for every request with its number, from 0. */
  readonly isInclusive?: (request: number) => boolean;
  readonly isShort?: (request: number) => boolean;
  readonly isStuck?: (request: number) => boolean;
  readonly isBackward?: (request: number) => boolean;
  readonly isEmpty?: (request: number) => boolean;
  readonly tail?: 'last' | 'echo' | 'now' | 'future' | 'absent';
  readonly now: () => Nanos | undefined;
}

export interface LogPages extends PageSource {
  /** Positions asked for, in order. */
  readonly asked: (string | undefined)[];
}

const hour = 3_600_000_000_000n;

export function auditEntry(entry: LogEntry): AuditEntry {
  const fields = { id: entry.id, created_at: entry.text ?? formatTimestamp(entry.at) };
  return entryOfText(JSON.stringify(fields));
}

export function entryOfText(text: string): AuditEntry {
  const fields = JSON.parse(text) as AuditEntry['fields'];
  return { raw: Buffer.from(text), id: fields.id, createdAt: fields.created_at, fields };
}

export function auditPage(entries: readonly AuditEntry[], rest: Partial<AuditPage> = {}): AuditPage {
  return { entries, nextStartingFrom: undefined, serverDate: undefined, bytes: 0, ...rest };
}

export function createLogPages(options: LogPagesOptions): LogPages {
  const asked: (string | undefined)[] = [];
  return {
    asked,
    read: async (request: PageRequest): Promise<PageRead> => {
      request.signal.throwIfAborted();
      const number = asked.length;
      asked.push(request.startingFrom);
      const limit = request.limit ?? options.pageSize;
      return { page: answer(options, request.startingFrom, { number, limit }), limit };
    },
  };
}

function answer(
  options: LogPagesOptions,
  startingFrom: string | undefined,
  request: { readonly number: number; readonly limit: number },
): AuditPage {
  const { number } = request;
  const from = startingFrom === undefined ? undefined : parseTimestamp(startingFrom);
  if (startingFrom !== undefined && from === undefined) throw new Error('the walk sent no timestamp');
  const isInclusive = options.isInclusive?.(number) ?? false;
  const rest = options.log.filter(({ at }) => from === undefined || (isInclusive ? at >= from : at > from));
  const serverDate = options.now();
  const first = rest[0];
  if (first !== undefined && options.isEmpty?.(number) === true && first.at - 1000n > (from ?? -hour)) {
    return auditPage([], { nextStartingFrom: formatTimestamp(nanos(first.at - 1000n)), serverDate });
  }
  const asked = Math.min(request.limit, options.limitMax ?? request.limit);
  const limit = options.isShort?.(number) === true ? Math.max(1, Math.floor(asked / 3)) : asked;
  const shown = wholeGroups(rest, limit);
  const entries = shown.map(auditEntry);
  const last = entries.at(-1)?.fields.created_at;
  if (shown.length < rest.length) {
    const back = formatTimestamp(nanos((from ?? first?.at ?? 0n) - hour));
    const next =
      options.isStuck?.(number) === true
        ? (startingFrom ?? back)
        : options.isBackward?.(number) === true
          ? back
          : typeof last === 'string'
            ? last
            : startingFrom;
    return auditPage(entries, { nextStartingFrom: next, serverDate });
  }
  const next = tailPosition(options, startingFrom, typeof last === 'string' ? last : undefined);
  return auditPage(entries, { nextStartingFrom: next, serverDate });
}

function wholeGroups(rest: readonly LogEntry[], limit: number): readonly LogEntry[] {
  let end = Math.min(limit, rest.length);
  while (end < rest.length && rest[end]?.at === rest[end - 1]?.at) end += 1;
  return rest.slice(0, end);
}

function tailPosition(
  options: LogPagesOptions,
  startingFrom: string | undefined,
  last: string | undefined,
): string | undefined {
  const now = options.now() ?? nanos(BigInt(Date.now()) * 1_000_000n);
  const tail = options.tail ?? 'last';
  switch (tail) {
    case 'absent':
      return undefined;
    case 'echo':
      return startingFrom;
    case 'now':
      return formatTimestamp(now);
    case 'future':
      return formatTimestamp(nanos(now + 24n * hour));
    case 'last':
      return last ?? startingFrom;
    default:
      return tail satisfies never;
  }
}
