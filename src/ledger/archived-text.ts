/**
 * Raw text that was pruned, read back from an archive. The ledger has kept which object holds which sequences, the hash
 * of the object's content, and the hash and the time of every entry, so nothing is believed that the archive says by itself.
 */
import { createHash } from 'node:crypto';
import { ExporterError } from '../errors.ts';
import { nanos } from '../time.ts';
import type { Ledger } from './ledger.ts';
import { LedgerEntry } from './ledger-entry.ts';
import { lineFeed } from '../line-blocks.ts';
import { LineHashes } from './line-hashes.ts';
import type { Segment } from './segments.ts';

/** The archives that can be read, by the names of their sinks. */
export interface ArchiveText {
  /** An object's content: lines with their line breaks, unpacked. Undefined where there is no such archive, object or content. */
  read(object: ArchivedObject): Promise<Buffer | undefined>;
  /** What was read last is not what was written; it must be read anew, since somebody may bring it back. */
  forget(): void;
}

export interface ArchivedObject {
  readonly sink: string;
  readonly key: string;
  /** How long the content is. */
  readonly bytes: number;
}

// Objects hold consecutive sequences; a retired sink's archive may be gone.
const selectObjects = `SELECT o.sink, o.key, o.first_sequence, o.last_sequence, o.raw_bytes + o.entries AS bytes,
    o.content_sha256, CAST(floor(extract(epoch FROM now() - o.planned_at) * 1000) AS int8) AS age_ms
  FROM ledger.objects o
  JOIN ledger.deliveries d ON d.organization = o.organization AND d.sink = o.sink AND d.retired_at IS NULL
  WHERE o.organization = $1 AND o.first_sequence <= $2 AND o.last_sequence >= $2 AND o.confirmed_at IS NOT NULL
  ORDER BY o.sink`;
const selectRows = `SELECT sequence, created_at, line_sha256 FROM ledger.ledger_rows
  WHERE organization = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence`;

interface ObjectRow {
  readonly sink: string;
  readonly key: string;
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly bytes: string;
  readonly content_sha256: Buffer;
  readonly age_ms: string;
}

/**
 * The entries from `sequence` upward that one archive object holds; undefined where no archive can be asked for them.
 * Throws an ExporterError of code `archive_differs` where the only objects that are left hold something else.
 */
export async function readArchived(
  ledger: Ledger,
  organization: number,
  sequence: number,
): Promise<Segment | undefined> {
  const { archiveText } = ledger;
  if (archiveText === undefined) return undefined;
  const { rows } = await ledger.database.query<ObjectRow>(selectObjects, [organization, sequence]);
  let differing: ObjectRow | undefined;
  for (const row of rows) {
    const content = await archiveText.read({ sink: row.sink, key: row.key, bytes: Number(row.bytes) });
    if (content === undefined) continue;
    const entries = await checkedEntries(ledger, { organization, row, content });
    if (entries === undefined) {
      archiveText.forget();
      differing = row;
      continue;
    }
    return {
      firstSequence: Number(row.first_sequence),
      lastSequence: Number(row.last_sequence),
      ageMs: Number(row.age_ms),
      entries: entries.slice(sequence - Number(row.first_sequence)),
    };
  }
  if (differing !== undefined) throw archiveDiffers(differing);
  return undefined;
}

/** The object's entries; undefined unless every byte is what was written. */
async function checkedEntries(
  ledger: Ledger,
  object: { readonly organization: number; readonly row: ObjectRow; readonly content: Buffer },
): Promise<LedgerEntry[] | undefined> {
  const { organization, row, content } = object;
  if (!createHash('sha256').update(content).digest().equals(row.content_sha256)) return undefined;
  const { rows } = await ledger.database.query<{
    sequence: string;
    created_at: string;
    line_sha256: Buffer;
  }>(selectRows, [organization, row.first_sequence, row.last_sequence]);
  const entries: LedgerEntry[] = [];
  const hashes = new LineHashes(rows.length);
  let start = 0;
  for (const [index, known] of rows.entries()) {
    const end = content.indexOf(lineFeed, start);
    if (end === -1) return undefined;
    const raw = content.subarray(start, end);
    const sha256 = createHash('sha256').update(raw).digest();
    if (!sha256.equals(known.line_sha256)) return undefined;
    hashes.set(index, sha256);
    const createdAt = nanos(BigInt(known.created_at));
    entries.push(new LedgerEntry(Number(known.sequence), { raw, createdAt }, { hashes, index }));
    start = end + 1;
  }
  return start === content.length ? entries : undefined;
}

function archiveDiffers(object: ObjectRow): ExporterError {
  return new ExporterError(
    `The raw text from sequence ${object.first_sequence} on was pruned, and the object ${object.key} of the sink "${object.sink}", which ` +
      'should hold it, is not what was written there. Bring it back as it was; `ccloud-audit verify` tells what else was altered.',
    { kind: 'store', code: 'archive_differs' },
  );
}
