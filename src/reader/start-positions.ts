/** Where walks start. Positions are sent in microseconds, as the API prints them; nanoseconds may not be accepted. */
import { beginningOfTime } from '../ledger/coverage.ts';
import type { Organization } from '../ledger/organizations.ts';
import { formatTimestamp, microsecond, minNanos, nanos, parseTimestamp, type Nanos } from '../time.ts';

/**
 * A position from which every entry at or after `time` minus `marginMs` is read, whether the API includes the position
 * or not: one microsecond before it. Undefined for the beginning of time.
 */
export function positionBefore(time: Nanos, marginMs: number): string | undefined {
  const start = time - BigInt(marginMs) * 1_000_000n - microsecond;
  if (start <= beginningOfTime) return undefined;
  return formatTimestamp(nanos((start / microsecond) * microsecond));
}

const finerThanMicroseconds = /\.\d{7}/;

/** The least step that times which are printed like these can be parted by. */
export function stepBetween(texts: readonly unknown[]): bigint {
  const isFine = texts.some((text) => typeof text === 'string' && finerThanMicroseconds.test(text));
  return isFine ? 1n : microsecond;
}

/** The next position that an entry behind this one can have. Undefined for what is no timestamp. */
export function positionBehind(position: string): string | undefined {
  const at = parseTimestamp(position);
  return at === undefined ? undefined : formatTimestamp(nanos(at + stepBetween([position])));
}

/**
 * The tail goes on from the least of its checkpoint, the newest entry and the API's clock: an API that answers "now", or
 * a time in the future, as the next position can't carry the tail past entries that come later.
 */
export function tailStart(organization: Organization, boundary: Nanos): Nanos {
  const saved = organization.tailCheckpoint;
  const checkpoint = saved === undefined ? undefined : parseTimestamp(saved);
  if (checkpoint === undefined) return boundary;
  let start = checkpoint;
  if (organization.serverDate !== undefined) start = minNanos(start, organization.serverDate);
  const newest = organization.newestCreatedAt;
  // Before the tail's first entry there is nothing newer than the boundary to wait behind.
  if (newest !== undefined && newest >= boundary) start = minNanos(start, newest);
  return start;
}

/** A re-scan starts where the last completed one began: a stop of days leaves no hole in it. */
export function rescanStart(organization: Organization, boundary: Nanos): Nanos {
  return organization.rescanStartedAt ?? boundary;
}
