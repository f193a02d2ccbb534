/**
 * What an append writes of its entries, made ready before its transaction: the packed segment, and the rows, which get their
 * sequences when the organization's row is locked. So one append's hashing and packing falls into the time in which the
 * database works on the one before.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CopyBinaryWriter, setInt8 } from '../database/copy-binary.ts';
import type { Nanos } from '../time.ts';
import { hashBytes } from './line-hashes.ts';
import { packSegment, type PackedSegment } from './packed-segment.ts';

/** An entry as the reader hands it over. */
export interface NewEntry {
  /** The id where it is a UUID, else a UUID made from it. */
  readonly key: string;
  readonly raw: Buffer;
  readonly createdAt: Nanos;
  /** A view, made for the moment. */
  readonly lineSha256: Buffer;
  /** Computed where it is needed, each time: for new entries and for known ones whose line differs. */
  contentSha256(): Buffer;
  /** The same two into memory that is there, without a buffer for the moment. */
  writeLineSha256(into: Uint8Array, place: number): void;
  writeContentSha256(into: Buffer, place: number): void;
}

export interface PreparedEntries {
  readonly organization: number;
  readonly entries: readonly NewEntry[];
  readonly segment: PackedSegment;
  readonly rows: UnnumberedRows;
}

/** The bytes of one `COPY`, but for the sequences. */
export interface UnnumberedRows {
  readonly bytes: Buffer;
  /** Where the sequence of each row goes. */
  readonly sequences: Uint32Array;
  /** Where the first sequence of the segment goes, in each row. */
  readonly segments: Uint32Array;
}

export async function prepareEntries(
  organization: number,
  entries: readonly NewEntry[],
): Promise<PreparedEntries> {
  const packing = packSegment(entries);
  // Its failure is met below.
  packing.catch(() => undefined);
  const rows = await encodeRows(organization, entries);
  return { organization, entries, segment: await packing, rows };
}

const columns = 'organization, entry, sequence, created_at, line_sha256, content_sha256, segment';
/** Takes what `numberRows` gives. */
export const copyRows: string = `COPY ledger.ledger_rows (${columns}) FROM STDIN WITH (FORMAT binary)`;
const rowColumns = 7;
const rowBytes = 150;
/** Timers, signals, the lease and the database's answers get a turn in between. */
const entriesPerTurn = 200;

async function encodeRows(organization: number, entries: readonly NewEntry[]): Promise<UnnumberedRows> {
  const writer = new CopyBinaryWriter(rowColumns, entries.length * rowBytes);
  const sequences = new Uint32Array(entries.length);
  const segments = new Uint32Array(entries.length);
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index] as NewEntry;
    if (index % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
    writer.startRow();
    writer.int8(organization);
    writer.uuid(entry.key);
    sequences[index] = writer.int8Later();
    writer.int8(entry.createdAt);
    const line = writer.bytesLater(hashBytes);
    entry.writeLineSha256(writer.memory, line);
    const content = writer.bytesLater(hashBytes);
    entry.writeContentSha256(writer.memory, content);
    segments[index] = writer.int8Later();
  }
  return { bytes: writer.finish(), sequences, segments };
}

/** The rows numbered from `first`; may be done again with another number. */
export function numberRows(rows: UnnumberedRows, first: number): Buffer {
  const { bytes, sequences, segments } = rows;
  for (let index = 0; index < sequences.length; index += 1) {
    setInt8(bytes, sequences[index] as number, first + index);
    setInt8(bytes, segments[index] as number, first);
  }
  return bytes;
}
