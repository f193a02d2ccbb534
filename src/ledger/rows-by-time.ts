/**
 * The ledger's rows of an interval of time. Rows are kept by entry and by sequence, not by time, and an index by time
 * would cost every append; so one pass notes which times each block of sequences holds, and whoever wants an interval
 * reads the blocks that touch it. Entries come nearly in the order of time, so those are few.
 */
import { nanos, type Nanos } from '../time.ts';
import type { Interval } from './coverage.ts';
import type { Ledger } from './ledger.ts';

/** The blocks of one organization that touch an interval, at one moment; rows that came later are not in them. */
export interface TimeBlocks {
  readonly organization: number;
  /** The last sequence of that moment. */
  readonly head: number;
  /** In the order of sequences. */
  readonly blocks: readonly TimeBlock[];
}

interface TimeBlock {
  readonly first: number;
  readonly last: number;
  readonly oldest: bigint;
  readonly newest: bigint;
}

export interface TimedRow {
  readonly key: string;
  readonly sequence: number;
  readonly createdAt: Nanos;
  readonly lineSha256: Buffer;
}

/** What the ledger has of an entry, for comparing it with what somebody else has. */
export interface KnownRow extends TimedRow {
  readonly contentSha256: Buffer;
}

// Shifted and not divided: integers divide differently on CockroachDB.
const selectBlocks = `SELECT min(sequence) AS first, max(sequence) AS last, min(created_at) AS oldest, max(created_at) AS newest
  FROM ledger.ledger_rows WHERE organization = $1 AND sequence <= $2
  GROUP BY sequence >> 12 HAVING max(created_at) >= $3 AND min(created_at) < $4 ORDER BY 1`;
const selectHead = `SELECT next_sequence FROM ledger.organizations WHERE id = $1`;
const selectRows = `SELECT entry, sequence, created_at, line_sha256 FROM ledger.ledger_rows
  WHERE organization = $1 AND sequence >= $2 AND sequence <= $3 AND created_at >= $4 AND created_at < $5
  ORDER BY sequence`;
const selectKnown = `SELECT entry, sequence, created_at, line_sha256, content_sha256 FROM ledger.ledger_rows
  WHERE organization = $1 AND entry = ANY(CAST($2 AS uuid[]))`;
const selectRecorded = `SELECT entry, content_sha256 FROM ledger.changed_entries
  WHERE organization = $1 AND entry = ANY(CAST($2 AS uuid[]))`;

export async function readTimeBlocks(
  ledger: Ledger,
  organization: number,
  interval: Interval,
): Promise<TimeBlocks> {
  const { rows: heads } = await ledger.database.query<{ next_sequence: string }>(selectHead, [organization]);
  const head = Number(heads[0]?.next_sequence ?? 1) - 1;
  const { rows } = await ledger.database.query<{
    first: string;
    last: string;
    oldest: string;
    newest: string;
  }>(selectBlocks, [organization, head, interval.from, interval.to]);
  const blocks = rows.map((row) => ({
    first: Number(row.first),
    last: Number(row.last),
    oldest: BigInt(row.oldest),
    newest: BigInt(row.newest),
  }));
  return { organization, head, blocks };
}

/** The rows of an interval in the order of sequences, a block at a time. */
export async function* rowsOfTime(
  ledger: Ledger,
  known: TimeBlocks,
  interval: Interval,
): AsyncGenerator<TimedRow[]> {
  for (const block of known.blocks) {
    if (block.newest < interval.from || block.oldest >= interval.to) continue;
    const { rows } = await ledger.database.query<RowColumns>(selectRows, [
      known.organization,
      block.first,
      block.last,
      interval.from,
      interval.to,
    ]);
    if (rows.length > 0) yield rows.map(toRow);
  }
}

/** The rows of keys, by key. */
export async function knownRows(
  ledger: Ledger,
  organization: number,
  keys: readonly string[],
): Promise<Map<string, KnownRow>> {
  if (keys.length === 0) return new Map();
  const { rows } = await ledger.database.query<RowColumns & { content_sha256: Buffer }>(selectKnown, [
    organization,
    keys,
  ]);
  return new Map(rows.map((row) => [row.entry, { ...toRow(row), contentSha256: row.content_sha256 }]));
}

/** Other contents of entries that are kept already, as `<key> <hash in hex>`. */
export async function recordedContents(
  ledger: Ledger,
  organization: number,
  keys: readonly string[],
): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await ledger.database.query<{ entry: string; content_sha256: Buffer }>(selectRecorded, [
    organization,
    keys,
  ]);
  return new Set(rows.map((row) => `${row.entry} ${row.content_sha256.toString('hex')}`));
}

interface RowColumns {
  readonly entry: string;
  readonly sequence: string;
  readonly created_at: string;
  readonly line_sha256: Buffer;
}

function toRow(row: RowColumns): TimedRow {
  return {
    key: row.entry,
    sequence: Number(row.sequence),
    createdAt: nanos(BigInt(row.created_at)),
    lineSha256: row.line_sha256,
  };
}
