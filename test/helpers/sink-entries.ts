/** Entries as the ledger would hand them to a sink. */
import { createHash } from 'node:crypto';
import type { HeldEntry, SinkEntry } from '../../sinks/sink.ts';

/** Noon of 2026-03-01 UTC: far from both ends of its day, so that a batch of test entries stays within one day. */
export const testDay = 1_772_366_400_000_000_000n;

export interface SinkEntryOptions {
  readonly sequence: number;
  readonly raw: Buffer | string;
  /** Default: the `id` inside `raw`. */
  readonly id?: string;
  /** Default: noon of one fixed day plus one microsecond per sequence. */
  readonly createdAt?: bigint;
}

export function sinkEntry(options: SinkEntryOptions): SinkEntry {
  const raw = typeof options.raw === 'string' ? Buffer.from(options.raw) : options.raw;
  return {
    sequence: options.sequence,
    id: options.id ?? idInside(raw),
    createdAt: options.createdAt ?? testDay + BigInt(options.sequence) * 1_000n,
    raw,
    rawBytes: raw.length,
    sha256: createHash('sha256').update(raw).digest(),
  };
}

/** Ordinary entries with the sequences `first` … `first + count - 1`; the same arguments give the same entries. */
export function plainEntries(first: number, count: number, label = 'entry'): SinkEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const sequence = first + index;
    return sinkEntry({
      sequence,
      raw: JSON.stringify({
        id: `${label}-${sequence}`,
        trace_id: sequence.toString(16).padStart(32, '0'),
        source: 'AUDIT_LOG_SOURCE_UI',
        user_email: 'someone@example.com',
        cluster_name: 'example-cluster',
        action: 'AUDIT_LOG_ACTION_CREATE_SQL_USER',
        payload: JSON.stringify({ name: `user_${sequence}` }),
        metadata: { ip_address: '192.0.2.7' },
        error: '',
        created_at: '2026-03-01T12:00:00.000001Z',
      }),
    });
  });
}

/** The same place in the ledger and the same id with other content, as if somebody had altered it. */
export function alteredEntry(entry: SinkEntry): SinkEntry {
  const raw = Buffer.from(JSON.stringify({ id: entry.id, action: 'ALTERED' }));
  return sinkEntry({ sequence: entry.sequence, id: entry.id, createdAt: entry.createdAt, raw });
}

export function heldEntry(entry: SinkEntry, object: string | undefined): HeldEntry {
  return { sequence: entry.sequence, id: entry.id, sha256: entry.sha256, object };
}

function idInside(raw: Buffer): string {
  const fields: unknown = JSON.parse(raw.toString());
  if (typeof fields === 'object' && fields !== null && 'id' in fields && typeof fields.id === 'string') {
    return fields.id;
  }
  throw new Error('an entry without an id needs one in the options');
}
