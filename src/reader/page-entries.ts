/** From what the API sent to what the ledger keeps: a key, a time and two hashes for each entry of a page. */
import { hash } from 'node:crypto';
import type { AuditEntry } from '../cloud-api/audit-page.ts';
import { LineHashes } from '../ledger/line-hashes.ts';
import { beginningOfTime, endOfTime } from '../ledger/coverage.ts';
import type { NewEntry } from '../ledger/prepared-entries.ts';
import { parseTimestamp, type Nanos } from '../time.ts';
import { canonicalBytes } from './canonical-bytes.ts';
import { canonicalForm } from './canonical.ts';

/** What the ledger asks of an entry. */
export type Line = Pick<AuditEntry, 'raw' | 'id' | 'createdAt'>;

export interface PageEntry extends NewEntry {
  /** False when the API gave none that can be read: `createdAt` is then the position of its page. */
  readonly hasOwnTime: boolean;
}

/**
 * The entries of a page. `pageTime` is what one without a usable time gets. Thousands of
 * them may wait to be appended.
 */
export function toPageEntries(entries: readonly Line[], pageTime: Nanos): PageEntry[] {
  const hashes = new LineHashes(entries.length);
  return entries.map((entry, index) => readEntry(entry, { hashes, index, pageTime }));
}

/** One of them, with memory of its own. */
export function toPageEntry(entry: Line, pageTime: Nanos): PageEntry {
  return readEntry(entry, { hashes: new LineHashes(1), index: 0, pageTime });
}

/** Writes the line's hash into its place. */
function readEntry(
  entry: Line,
  place: { readonly hashes: LineHashes; readonly index: number; readonly pageTime: Nanos },
): PageEntry {
  const { hashes, index, pageTime } = place;
  hashes.setText(index, hash('sha256', entry.raw, 'binary'));
  const ownTime = createdAtOf(entry);
  return new KeptEntry({
    // A view of the hash is made only where the key is made of it.
    key: uuidOf(entry.id) ?? entryKey(entry.id, hashes.at(index)),
    raw: entry.raw,
    createdAt: ownTime ?? pageTime,
    hasOwnTime: ownTime !== undefined,
    hashes,
    index,
  });
}

interface KeptFields extends Pick<PageEntry, 'key' | 'raw' | 'createdAt' | 'hasOwnTime'> {
  /** The line's hash stands in there at `index`. */
  readonly hashes: LineHashes;
  readonly index: number;
}

/** An entry that was read before, as it was. */
export function keptEntry(fields: KeptFields): PageEntry {
  return new KeptEntry(fields);
}

class KeptEntry implements PageEntry {
  readonly key: string;
  readonly raw: Buffer;
  readonly createdAt: Nanos;
  readonly hasOwnTime: boolean;
  // Not `#hashes`: private names make each entry 1 µs dearer.
  private readonly hashes: LineHashes;
  private readonly index: number;

  constructor(fields: KeptFields) {
    this.key = fields.key;
    this.raw = fields.raw;
    this.createdAt = fields.createdAt;
    this.hasOwnTime = fields.hasOwnTime;
    this.hashes = fields.hashes;
    this.index = fields.index;
  }

  get lineSha256(): Buffer {
    return this.hashes.at(this.index);
  }

  contentSha256(): Buffer {
    return Buffer.from(this.contentHash(), 'latin1');
  }

  writeLineSha256(into: Uint8Array, place: number): void {
    this.hashes.copy(this.index, into, place);
  }

  writeContentSha256(into: Buffer, place: number): void {
    into.write(this.contentHash(), place, 'latin1');
  }

  /** A character for each byte. */
  private contentHash(): string {
    return hash('sha256', canonicalBytes(this.raw) ?? canonicalForm(this.raw.toString('utf8')), 'binary');
  }
}

/** The entry's own time in the range the ledger can hold; undefined when there is none. */
export function createdAtOf(entry: Line): Nanos | undefined {
  const text = entry.createdAt;
  const time = typeof text === 'string' ? parseTimestamp(text) : undefined;
  return time === undefined || time < beginningOfTime || time > endOfTime ? undefined : time;
}

/** The first of the entries' own times; undefined when none has one. */
export function firstTimeOf(entries: readonly Line[]): Nanos | undefined {
  for (const entry of entries) {
    const time = createdAtOf(entry);
    if (time !== undefined) return time;
  }
  return undefined;
}

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The ledger's key of an entry: its id where that is a UUID as the API prints them, else a UUID (version 8, RFC 9562) made
 * of the id's SHA-256, or of the line's where there is no id. Upper case is hashed too: the database would fold it.
 */
export function entryKey(id: unknown, lineSha256: Buffer): string {
  if (typeof id !== 'string' || id === '') return uuidFromHash(lineSha256);
  return uuidOf(id) ?? uuidFromHash(hash('sha256', id, 'buffer'));
}

function uuidOf(id: unknown): string | undefined {
  return typeof id === 'string' && canonicalUuid.test(id) ? id : undefined;
}

function uuidFromHash(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
