/**
 * The names of the archive's objects, relative to its prefix or directory:
 *
 *     organization=<name>/archive.json
 *     organization=<name>/entries/date=YYYY-MM-DD/<first sequence, 12 digits>.jsonl.gz
 *     organization=<name>/digests/<number, 12 digits>.json
 *
 * A name depends only on what is committed (the organization, the day of the entries, the first sequence), never on
 * a clock, so that whoever repeats a write uses the same name. The parts are Hive partitions, which Athena, DuckDB
 * and Spark read as columns.
 */
import { SinkError } from '../../sinks/sink-error.ts';
import { nanos, parseTimestamp, second, utcDay } from '../time.ts';

/** Bumped only when readers of the archive must change. */
export const archiveFormatVersion = 1;

export const entriesContentType = 'application/gzip';
export const jsonContentType = 'application/json';

export type ArchiveKey =
  | { readonly kind: 'identity'; readonly organization: string }
  | {
      readonly kind: 'entries';
      readonly organization: string;
      /** `YYYY-MM-DD`, UTC. */
      readonly day: string;
      readonly firstSequence: number;
    }
  | { readonly kind: 'digest'; readonly organization: string; readonly number: number };

const organizationName = /^[a-z0-9][a-z0-9-]{0,62}$/;
const nanosPerDay = 86_400n * second;
const digits = 12;
const numberMax = 10 ** digits - 1;
const entriesPath = /^date=(\d{4}-\d{2}-\d{2})\/(\d{12})\.jsonl\.gz$/;
const digestPath = /^(\d{12})\.json$/;

export function organizationFolder(organization: string): string {
  if (!organizationName.test(organization)) {
    throw refused(`${JSON.stringify(organization)} is not an organization's name`);
  }
  return `organization=${organization}/`;
}

export function identityKey(organization: string): string {
  return `${organizationFolder(organization)}archive.json`;
}

export function entriesFolder(organization: string): string {
  return `${organizationFolder(organization)}entries/`;
}

export function digestsFolder(organization: string): string {
  return `${organizationFolder(organization)}digests/`;
}

/** The object whose first entry has this sequence and, in nanoseconds, this `created_at`. */
export function entriesKey(organization: string, first: { createdAt: bigint; sequence: number }): string {
  const day = archiveDay(first.createdAt);
  return `${entriesFolder(organization)}date=${day}/${twelveDigits(first.sequence)}.jsonl.gz`;
}

export function digestKey(organization: string, number: number): string {
  return `${digestsFolder(organization)}${twelveDigits(number)}.json`;
}

/** The UTC day that an entry is filed under. */
export function archiveDay(createdAt: bigint): string {
  const day = utcDay(nanos(createdAt));
  // Years beyond 9999 print with a sign and six digits, which no reader of partitions takes for a date.
  if (!/^\d{4}-/.test(day)) throw refused(`the year of ${day} has more than four digits`);
  return day;
}

/** The UTC day of a time as nanoseconds: from, inclusive, and to, exclusive. Cheap enough for every entry. */
export function archiveDayBounds(createdAt: bigint): readonly [from: bigint, to: bigint] {
  const rest = createdAt % nanosPerDay;
  const from = createdAt - (rest < 0n ? rest + nanosPerDay : rest);
  return [from, from + nanosPerDay];
}

/** What a key names; undefined for anything that this layout would not have made. */
export function parseArchiveKey(key: string): ArchiveKey | undefined {
  const slash = key.indexOf('/');
  const folder = key.slice(0, slash);
  const organization = folder.slice('organization='.length);
  if (!folder.startsWith('organization=') || !organizationName.test(organization)) return undefined;
  const rest = key.slice(slash + 1);
  if (rest === 'archive.json') return { kind: 'identity', organization };
  if (rest.startsWith('entries/')) return parseEntries(organization, rest.slice('entries/'.length));
  if (rest.startsWith('digests/')) return parseDigest(organization, rest.slice('digests/'.length));
  return undefined;
}

function parseEntries(organization: string, path: string): ArchiveKey | undefined {
  const [, day, first] = entriesPath.exec(path) ?? [];
  if (day === undefined || first === undefined) return undefined;
  if (parseTimestamp(`${day}T00:00:00Z`) === undefined || Number(first) === 0) return undefined;
  return { kind: 'entries', organization, day, firstSequence: Number(first) };
}

function parseDigest(organization: string, path: string): ArchiveKey | undefined {
  const [, number] = digestPath.exec(path) ?? [];
  return number === undefined ? undefined : { kind: 'digest', organization, number: Number(number) };
}

function twelveDigits(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > numberMax) {
    throw refused(`${value} is not a whole number of at most twelve digits`);
  }
  return value.toString().padStart(digits, '0');
}

function refused(reason: string): SinkError {
  return new SinkError(`No archive object can be named: ${reason}. Nothing was written.`, {
    code: 'key_refused',
    retryable: false,
  });
}
