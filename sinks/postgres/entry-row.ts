/** What the columns of the table say about an entry. `raw` is the truth; everything else is taken from it for queries. */
import type { SinkEntry } from '../sink.ts';
import { CopyBinaryWriter } from '../../src/database/copy-binary.ts';
import { writePlainColumns } from './plain-columns.ts';
import { columnText, fieldColumns, takenColumns } from './taken-columns.ts';

/** The columns that the sink writes, in the order in which `encodeRows` writes them. */
export const writtenColumns: readonly string[] = [
  'organization',
  'id',
  'sequence',
  'created_at',
  ...fieldColumns,
  'ip_address',
  'payload',
  'raw',
  'sha256',
];

/** One row of the table, apart from the columns that are taken out of `raw` when it is encoded. */
export interface EntryRow {
  readonly organization: string;
  readonly id: string;
  readonly sequence: number;
  readonly createdAt: bigint;
  readonly raw: Buffer;
  readonly sha256: Buffer;
  /** The server refused its payload as jsonb. */
  readonly isPayloadLeftOut: boolean;
}

export function entryRow(organization: string, entry: SinkEntry): EntryRow {
  return {
    organization,
    id: columnText(entry.id),
    sequence: entry.sequence,
    createdAt: entry.createdAt,
    raw: entry.raw,
    sha256: entry.sha256,
    isPayloadLeftOut: false,
  };
}

/** Memory that is used again for row after row: megabytes for each COPY would be let go late. */
export interface RowMemory {
  bytes: Buffer | undefined;
}

/** Rows as the bytes of one `COPY … (writtenColumns) FROM STDIN WITH (FORMAT binary)`, which stand in `memory`. */
export function encodeRows(rows: readonly EntryRow[], memory: RowMemory): Buffer {
  const bytesExpected = rows.reduce((bytes, row) => bytes + row.raw.length * 2 + 512, 0);
  const writer = new CopyBinaryWriter(writtenColumns.length, bytesExpected, memory.bytes);
  for (const row of rows) {
    writer.startRow();
    writer.text(row.organization);
    writer.text(row.id);
    writer.int8(row.sequence);
    writer.timestamptz(row.createdAt);
    if (row.isPayloadLeftOut || !writePlainColumns(writer, row.raw)) writeTakenColumns(writer, row);
    writer.bytes(row.raw);
    writer.bytes(row.sha256);
  }
  memory.bytes = writer.memory;
  return writer.finish();
}

function writeTakenColumns(writer: CopyBinaryWriter, row: EntryRow): void {
  // Row by row: parsed, thousands of them would take more memory than their text.
  const { texts, payload } = takenColumns(row.raw);
  for (const text of texts) writer.text(text);
  writer.jsonb(row.isPayloadLeftOut ? null : payload);
}
