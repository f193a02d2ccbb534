/** One object of an archive into the ledger: its entries in batches, and what is known of the object itself. */
import { createHash } from 'node:crypto';
import { MerkleRoot } from '../../archive/digest/merkle.ts';
import { GzipMemberError, readGzipMember } from '../../archive/gzip-member.ts';
import { parseArchiveKey } from '../../archive/layout.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { idOf } from '../../ledger/entry-id.ts';
import type { NewEntry } from '../../ledger/prepared-entries.ts';
import type { Lease } from '../../ledger/leases.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { firstDifference, putEntries, putObject } from '../../ledger/restored-rows.ts';
import { toPageEntry } from '../../reader/page-entries.ts';
import { nanos, parseTimestamp, type Nanos } from '../../time.ts';
import { LineCutter } from '../verify/lines.ts';
import type { OrderedObject } from './archive-order.ts';
import { archiveChanged, storeDiffers } from './refusals.ts';

export interface ObjectRestoring {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly store: ObjectStore;
  /** The organization's name. */
  readonly organization: string;
  readonly sink: string;
  readonly onProgress: (entries: number) => void;
  readonly signal: AbortSignal;
}

/** As verified: no object of an archive is larger. */
const objectBytesMax = 1024 ** 3;
const batchEntries = 4096;
const batchBytes = 8 * 1024 * 1024;

export interface RestoredRange {
  readonly lastSequence: number;
  /** Entries that the ledger did not hold before. */
  readonly added: number;
}

/** Entries up to `head` are compared with the ledger's, later ones are put there. Throws an ExporterError of kind `findings`. */
export async function restoreObject(
  object: OrderedObject,
  head: number,
  restoring: ObjectRestoring,
): Promise<RestoredRange> {
  const { ledger, lease, store, sink, signal } = restoring;
  const found = await store.get(object.key, { bytesMax: objectBytesMax, signal });
  if (found === undefined) throw archiveChanged(object.key);
  const storedSha256 = createHash('sha256').update(found.bytes).digest();
  const { claim } = object;
  if (claim !== undefined && storedSha256.toString('hex') !== claim.storedSha256)
    throw archiveChanged(object.key);
  const content = new Content();
  let added = 0;
  for await (const entries of batchesOf(object, found.bytes, { content, signal })) {
    signal.throwIfAborted();
    added += await putBatch(
      { first: object.firstSequence + content.entries - entries.length, entries },
      head,
      restoring,
    );
    restoring.onProgress(entries.length);
  }
  const { first, last } = content;
  if (first === undefined || last === undefined) throw archiveChanged(object.key);
  const contentSha256 = content.sha256();
  if (claim !== undefined && contentSha256.toString('hex') !== claim.contentSha256)
    throw archiveChanged(object.key);
  const lastSequence = object.firstSequence + content.entries - 1;
  await putObject(ledger, lease, {
    sink,
    object: {
      plan: {
        firstSequence: object.firstSequence,
        lastSequence,
        key: object.key,
        entries: content.entries,
        rawBytes: content.rawBytes,
        contentSha256,
      },
      stored: { storedSha256, storedBytes: found.bytes.length },
      evidence: {
        merkleRoot: content.merkleRoot(),
        firstCreatedAt: first.createdAt,
        lastCreatedAt: last.createdAt,
        firstId: idOf({ raw: first.raw, sha256: first.lineSha256 }),
        lastId: idOf({ raw: last.raw, sha256: last.lineSha256 }),
      },
    },
  });
  return { lastSequence, added };
}

async function putBatch(
  batch: { readonly first: number; readonly entries: readonly NewEntry[] },
  head: number,
  { ledger, lease, organization }: ObjectRestoring,
): Promise<number> {
  const heldCount = Math.min(batch.entries.length, Math.max(0, head - batch.first + 1));
  const held = batch.entries.slice(0, heldCount).map(({ lineSha256 }) => lineSha256);
  if (held.length > 0) {
    const place = { first: batch.first, lineSha256: held };
    const differing = await firstDifference(ledger, lease.target.organization, place);
    if (differing !== undefined) throw storeDiffers(organization, differing);
  }
  const entries = batch.entries.slice(heldCount);
  if (entries.length > 0) await putEntries(ledger, lease, { first: batch.first + heldCount, entries });
  return entries.length;
}

/** What is computed of an object while its lines go by. */
class Content {
  readonly #hash = createHash('sha256');
  readonly #tree = new MerkleRoot();
  entries = 0;
  rawBytes = 0;
  first: NewEntry | undefined;
  last: NewEntry | undefined;

  add(entry: NewEntry): void {
    this.#hash.update(entry.raw).update('\n');
    this.#tree.add(entry.lineSha256);
    this.entries += 1;
    this.rawBytes += entry.raw.length;
    this.first ??= entry;
    this.last = entry;
  }

  sha256(): Buffer {
    return this.#hash.copy().digest();
  }

  merkleRoot(): Buffer {
    return this.#tree.root();
  }
}

async function* batchesOf(
  object: OrderedObject,
  stored: Buffer,
  reading: { readonly content: Content; readonly signal: AbortSignal },
): AsyncGenerator<NewEntry[]> {
  const { content, signal } = reading;
  const dayStart = dayOf(object.key);
  const cutter = new LineCutter();
  let batch: NewEntry[] = [];
  let bytes = 0;
  try {
    for await (const piece of readGzipMember(stored, { contentBytesMax: objectBytesMax, signal })) {
      for (const line of cutter.take(piece)) {
        const entry = toEntry(line, dayStart);
        content.add(entry);
        batch.push(entry);
        bytes += line.length;
        if (batch.length < batchEntries && bytes < batchBytes) continue;
        yield batch;
        batch = [];
        bytes = 0;
      }
    }
  } catch (error) {
    if (error instanceof GzipMemberError || error instanceof SyntaxError) throw archiveChanged(object.key);
    throw error;
  }
  if (cutter.rest() !== undefined) throw archiveChanged(object.key);
  if (batch.length > 0) yield batch;
}

/**
 * As the reader makes it of a page. An entry without a usable time stood at the position of its page, which the archive does
 * not keep: it gets the beginning of the day that it is filed under.
 */
function toEntry(line: Buffer, dayStart: Nanos): NewEntry {
  const raw = Buffer.from(line);
  const fields = JSON.parse(raw.toString('utf8')) as Readonly<Record<string, unknown>>;
  return toPageEntry({ raw, id: fields['id'], createdAt: fields['created_at'] }, dayStart);
}

function dayOf(key: string): Nanos {
  const parsed = parseArchiveKey(key);
  const start = parsed?.kind === 'entries' ? parseTimestamp(`${parsed.day}T00:00:00Z`) : undefined;
  return start ?? nanos(0n);
}
