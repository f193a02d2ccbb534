/**
 * Segments: the raw lines of consecutive sequences, gzipped, as one append wrote them. The only place that holds raw
 * text; a segment is written once and read by every delivery.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { hash } from 'node:crypto';
import { ExporterError } from '../errors.ts';
import type { PackedLines } from '../gzip-pieces.ts';
import { lineFeed } from '../line-blocks.ts';
import { nanos } from '../time.ts';
import { readArchived } from './archived-text.ts';
import type { Ledger } from './ledger.ts';
import { LedgerEntry } from './ledger-entry.ts';
import { LineHashes } from './line-hashes.ts';
import type { Follower } from './recent-segments.ts';

const gunzipAsync = promisify(gunzip);
/** Each chunk is a turn of the main thread; the default of 16 KiB makes a hundred of them for a segment. */
const chunkSize = 512 * 1024;

export interface Segment {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** As `segmentAgeMs` tells, when it was read; undefined for what comes from memory. */
  readonly ageMs: number | undefined;
  readonly entries: readonly LedgerEntry[];
  /** Lines of the segment as they were packed, in order, those before the first of `entries` too; not all of them, and none after a while. */
  readonly packed?: readonly PackedLines[];
}

interface SegmentRow {
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly lines: Buffer;
  readonly created_at: Buffer;
  readonly age_ms: string;
}

const readSegmentsFrom = `SELECT first_sequence, last_sequence, lines, created_at,
    CAST(floor(extract(epoch FROM now() - appended_at) * 1000) AS int8) AS age_ms
  FROM ledger.segments
  WHERE organization = $1 AND last_sequence >= CAST($2 AS int8) AND first_sequence >= coalesce(
    (SELECT max(first_sequence) FROM ledger.segments WHERE organization = $1 AND first_sequence <= $2), 0)
  ORDER BY first_sequence LIMIT 1`;

/**
 * The entries from `sequence` upward that one segment holds, or, where it was pruned, one object of an archive; undefined
 * where nothing was appended yet. Throws an ExporterError of code `segment_missing` when the text is in neither.
 */
export async function readSegmentFrom(
  ledger: Ledger,
  organization: number,
  sequence: number,
): Promise<Segment | undefined> {
  const { rows } = await ledger.database.query<SegmentRow>(readSegmentsFrom, [organization, sequence]);
  const row = rows[0];
  if (row === undefined) return undefined;
  const firstSequence = Number(row.first_sequence);
  if (firstSequence > sequence) {
    const archived = await readArchived(ledger, organization, sequence);
    if (archived !== undefined) return archived;
    throw new ExporterError(
      `The raw text of sequence ${sequence} is no longer in the ledger: the oldest kept is ${firstSequence}. ` +
        'It was pruned by store.retention, and no archive sink of this configuration holds it: put the archive back into the configuration.',
      { kind: 'store', code: 'segment_missing' },
    );
  }
  const entries = unpack(await unzip(row.lines, firstSequence), row.created_at, firstSequence);
  if (entries.length !== Number(row.last_sequence) - firstSequence + 1) throw segmentDamaged(firstSequence);
  return {
    firstSequence,
    lastSequence: Number(row.last_sequence),
    ageMs: Number(row.age_ms),
    entries: entries.slice(sequence - firstSequence),
  };
}

/** The same for deliveries, which want what this process appended a moment ago. */
export async function readAppendedFrom(
  ledger: Ledger,
  follower: Follower,
  sequence: number,
): Promise<Segment | undefined> {
  follower.next = sequence;
  const kept = ledger.recent.from(follower.organization, sequence);
  const segment = kept ?? (await readSegmentFrom(ledger, follower.organization, sequence));
  follower.isClose = kept !== undefined || segment === undefined;
  return segment;
}

const selectAge = `SELECT CAST(floor(extract(epoch FROM now() - appended_at) * 1000) AS int8) AS age_ms
  FROM ledger.segments WHERE organization = $1 AND first_sequence = $2`;

/** Milliseconds since a segment was appended, by the database's clock, which all processes share. */
export async function segmentAgeMs(
  ledger: Ledger,
  organization: number,
  firstSequence: number,
): Promise<number> {
  const { rows } = await ledger.database.query<Pick<SegmentRow, 'age_ms'>>(selectAge, [
    organization,
    firstSequence,
  ]);
  // One that was pruned meanwhile is older than any object waits.
  return Number(rows[0]?.age_ms ?? Number.POSITIVE_INFINITY);
}

async function unzip(lines: Buffer, firstSequence: number): Promise<Buffer> {
  try {
    return await gunzipAsync(lines, { chunkSize });
  } catch (error) {
    throw segmentDamaged(firstSequence, error);
  }
}

function unpack(lines: Buffer, createdAt: Buffer, firstSequence: number): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  if (createdAt.length % 8 !== 0) throw segmentDamaged(firstSequence);
  const hashes = new LineHashes(createdAt.length / 8);
  let start = 0;
  for (let index = 0; index * 8 < createdAt.length; index += 1) {
    const end = lines.indexOf(lineFeed, start);
    if (end === -1) throw segmentDamaged(firstSequence);
    const raw = lines.subarray(start, end);
    hashes.set(index, hash('sha256', raw, 'buffer'));
    const line = { raw, createdAt: nanos(createdAt.readBigInt64BE(index * 8)) };
    entries.push(new LedgerEntry(firstSequence + index, line, { hashes, index }));
    start = end + 1;
  }
  if (start !== lines.length) throw segmentDamaged(firstSequence);
  return entries;
}

function segmentDamaged(firstSequence: number, cause?: unknown): ExporterError {
  return new ExporterError(
    `The segment of the ledger that starts at sequence ${firstSequence} is damaged: its lines can't be read, or are not as ` +
      'many as its sequences. Nothing was delivered from it. Bring the store back from a backup.',
    { kind: 'store', code: 'segment_damaged', cause },
  );
}
