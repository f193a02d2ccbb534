/**
 * The archive as a sink, over any object store. A batch becomes one object, named by its first sequence and written
 * if absent. "There is one already" is normal: an answer got lost and the client repeated the request, or this
 * process died before the ledger heard of it, or another holder of the lease was faster. In every such case the
 * object is read and must hold exactly the planned lines; then it is adopted as it is. Any other content means
 * that somebody else writes here, and the delivery stops.
 *
 * The plan that fixes a batch's range before it is written, and the rule that the next object is not begun before
 * this one is confirmed, are the delivery's; so on a store without conditional writes a repeat is harmless too. There it
 * also has the same bytes, whoever repeats it: nothing is taken over that only this process has packed.
 */
import { createHash } from 'node:crypto';
import { SinkError } from '../../sinks/sink-error.ts';
import type {
  Attachment,
  HeldDifference,
  HeldEntry,
  HeldPlace,
  Roll,
  Sink,
  SinkBatch,
  SinkDigest,
  SinkEntry,
  SinkOptions,
  WriteReceipt,
} from '../../sinks/sink.ts';
import { ClaimedArchives } from './claimed-archives.ts';
import {
  differingLines,
  holdsContent,
  holdsLine,
  packEntries,
  unpackContent,
  type PackedEntries,
} from './archive-content.ts';
import { lineFeed } from '../line-blocks.ts';
import { gzipBytesMax } from './gzip-member.ts';
import {
  archiveDay,
  archiveDayBounds,
  digestKey,
  digestsFolder,
  entriesContentType,
  entriesFolder,
  entriesKey,
  jsonContentType,
  parseArchiveKey,
} from './layout.ts';
import type { ObjectStore } from './object-store.ts';
import { runsOf } from './packed-runs.ts';

export interface ArchiveSinkOptions {
  readonly name: string;
  readonly type: string;
  readonly objectStore: ObjectStore;
  /** What is left out has the default of `archiveRoll`. */
  readonly roll?: RollOptions | undefined;
}

/** When an object is full: at this many entries, bytes of raw text, or milliseconds after its first entry came. */
export interface RollOptions {
  readonly entries?: number | undefined;
  readonly bytes?: number | undefined;
  readonly ageMs?: number | undefined;
}

export const archiveRoll: Roll = {
  entries: 50_000,
  bytes: 16 * 1024 * 1024,
  ageMs: 15 * 60 * 1000,
  byDay: true,
};

/** No page of the API is larger than this by default, so no entry that goes over `roll.bytes` at the end is. */
const entryBytesMax = 256 * 1024 * 1024;

export function createArchiveSink(options: ArchiveSinkOptions): Sink {
  const archive = new Archive(options);
  return {
    name: options.name,
    type: options.type,
    capabilities: { roll: archive.roll, repeats: 'absorbed' },
    fingerprint: options.objectStore.fingerprint,
    open: (call) => archive.run(() => options.objectStore.open(call)),
    attach: (attachment, call) => archive.run(() => archive.attach(attachment, call)),
    prepare: (batch, call) => archive.prepare(batch, call),
    write: (batch, call) => archive.run(() => archive.write(batch, call)),
    holds: (organization, entry, call) => archive.run(() => archive.holds(organization, entry, call)),
    compare: (_organization, entries, call) => archive.run(() => archive.compare(entries, call)),
    read: (object, call) => archive.run(() => archive.read(object, call)),
    writeDigest: (digest, call) => archive.run(() => archive.writeDigest(digest, call)),
    close: () => archive.close(),
  };
}

class Archive {
  readonly roll: Roll;
  readonly #store: ObjectStore;
  readonly #running = new Set<Promise<unknown>>();
  readonly #claimed: ClaimedArchives;
  /** Batches that are packed, or being packed, for a write that comes later. */
  readonly #prepared = new WeakMap<SinkBatch, Promise<PackedEntries>>();
  #closed: Promise<void> | undefined;

  constructor(options: ArchiveSinkOptions) {
    this.#store = options.objectStore;
    this.#claimed = new ClaimedArchives(options.objectStore);
    this.roll = {
      entries: options.roll?.entries ?? archiveRoll.entries,
      bytes: options.roll?.bytes ?? archiveRoll.bytes,
      ageMs: options.roll?.ageMs ?? archiveRoll.ageMs,
      byDay: true,
    };
  }

  /** Runs a call so that `close` waits for it. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new SinkError(`The sink on ${this.#store.location} is closed. Make a new one.`, {
        code: 'sink_closed',
        retryable: false,
      });
    }
    const running = call();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async attach(attachment: Attachment, options: SinkOptions): Promise<void> {
    const { organization, last } = attachment;
    const lastKey = await this.#lastKey(attachment, options);
    // Looking comes before claiming: an emptied destination must not get a fresh identity.
    if (last !== undefined && !(lastKey !== undefined && (await this.#holdsIn(lastKey, last, options)))) {
      throw new SinkError(
        `The archive in ${this.#store.location} no longer holds entry ${last.sequence} of ${organization}, the last one that was written there` +
          `${last.object === undefined ? '' : ` (in ${last.object})`}. Objects were deleted or altered, or this is another destination. ` +
          `Bring them back, or retire this sink and export anew under another prefix or directory.`,
        { code: 'destination_lost', retryable: false },
      );
    }
    // What was put just as everything else was deleted is there, and is no archive. Under another name one may have to be begun.
    const hasBegun = lastKey?.startsWith(entriesFolder(organization)) === true;
    await this.#claimed.claim(attachment, { ...options, hasBegun });
    await this.#assertAllKnown(attachment, options);
  }

  prepare(batch: SinkBatch, options: SinkOptions): void {
    const packing = this.#pack(batch, options);
    packing.catch(() => undefined);
    this.#prepared.set(batch, packing);
  }

  async write(batch: SinkBatch, options: SinkOptions): Promise<WriteReceipt> {
    const first = assertOneObject(this.#own(batch));
    const key = entriesKey(batch.organization, first);
    const packing = this.#prepared.get(batch) ?? this.#pack(batch, options);
    const [packed] = await Promise.all([packing, this.#claimed.look(batch.organization, options)]);
    // Packing may have been begun under another signal.
    options.signal.throwIfAborted();
    const storedSha256 = createHash('sha256').update(packed.stored).digest();
    const outcome = await this.#claimed.put(batch.organization, key, packed.stored, {
      sha256: storedSha256,
      contentType: entriesContentType,
      signal: options.signal,
    });
    // Without conditions another writer may have come between the look and the put; reading shows who was last.
    if (outcome === 'created' && this.#store.isConditional)
      return { key, storedSha256, storedBytes: packed.stored.length };
    return await this.#adopt(key, packed, options);
  }

  #pack(batch: SinkBatch, options: SinkOptions): Promise<PackedEntries> {
    return packEntries(this.#own(batch), options);
  }

  /** The batch with what may be taken over as it was packed. */
  #own(batch: SinkBatch): SinkBatch {
    return this.#store.isConditional ? batch : { ...batch, packed: [] };
  }

  async holds(organization: string, entry: HeldEntry, options: SinkOptions): Promise<boolean> {
    const key = entry.object ?? (await this.#objectOf(organization, entry.sequence, options));
    if (key === undefined || !key.startsWith(entriesFolder(organization))) return false;
    return await this.#holdsIn(key, entry, options);
  }

  async compare(entries: readonly HeldPlace[], options: SinkOptions): Promise<HeldDifference[]> {
    const [first] = entries;
    if (first === undefined) return [];
    const parsed = first.object === undefined ? undefined : parseArchiveKey(first.object);
    const all = (kind: HeldDifference['kind']): HeldDifference[] =>
      entries.map(({ sequence }) => ({ sequence, kind }));
    if (first.object === undefined || parsed?.kind !== 'entries') return all('missing');
    const contentBytesMax = this.roll.bytes + entryBytesMax;
    const stored = await this.#getUpTo(first.object, gzipBytesMax(contentBytesMax), options);
    if (stored === 'missing') return all('missing');
    if (stored === undefined) return all('altered');
    const firstSequence = parsed.firstSequence;
    return (
      (await differingLines(stored, {
        contentBytesMax,
        firstSequence,
        entries,
        signal: options.signal,
      })) ?? all('altered')
    );
  }

  async read(
    object: { readonly key: string; readonly bytes: number },
    options: SinkOptions,
  ): Promise<Buffer | undefined> {
    const stored = await this.#getUpTo(object.key, gzipBytesMax(object.bytes), options);
    if (stored === undefined || stored === 'missing') return undefined;
    return await unpackContent(stored, object.bytes, options);
  }

  async writeDigest(digest: SinkDigest, options: SinkOptions): Promise<void> {
    const { organization, number, bytes } = digest;
    const key = digestKey(organization, number);
    await this.#claimed.look(organization, options);
    const outcome = await this.#claimed.put(organization, key, bytes, {
      sha256: createHash('sha256').update(bytes).digest(),
      contentType: jsonContentType,
      signal: options.signal,
    });
    if (outcome === 'created' && this.#store.isConditional) return;
    const found = await this.#readOwn(key, bytes.length, options);
    if (found === undefined || !found.equals(bytes)) throw this.#holdsOther(key);
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#running).then(() => this.#store.close());
    return this.#closed;
  }

  /** The organization may have had another name when the object was written, so its folder is not compared. */
  async #lastKey({ organization, last }: Attachment, options: SinkOptions): Promise<string | undefined> {
    return last?.object ?? (last && (await this.#objectOf(organization, last.sequence, options)));
  }

  async #holdsIn(key: string, entry: HeldEntry, options: SinkOptions): Promise<boolean> {
    const parsed = parseArchiveKey(key);
    if (parsed?.kind !== 'entries' || parsed.firstSequence > entry.sequence) return false;
    const contentBytesMax = this.roll.bytes + entryBytesMax;
    const bytesMax = gzipBytesMax(contentBytesMax);
    const object = await this.#store.get(key, { bytesMax, signal: options.signal });
    if (object === undefined) return false;
    // An object's sequences have no gaps, so the place of a line tells its sequence.
    const line = { index: entry.sequence - parsed.firstSequence, sha256: entry.sha256 };
    return await holdsLine(object.bytes, line, { contentBytesMax, signal: options.signal });
  }

  async #adopt(key: string, packed: PackedEntries, options: SinkOptions): Promise<WriteReceipt> {
    const bytes = await this.#readOwn(key, gzipBytesMax(packed.content.bytes), options);
    if (bytes === undefined || !(await holdsContent(bytes, packed.content, options)))
      throw this.#holdsOther(key);
    return { key, storedSha256: createHash('sha256').update(bytes).digest(), storedBytes: bytes.length };
  }

  #holdsOther(key: string): SinkError {
    return new SinkError(
      `The object ${key} in ${this.#store.location} exists and holds something else than was to be written. Somebody else writes there, ` +
        `or it was altered; nothing was replaced. Find out who, then use another prefix or directory, or run 'ccloud-audit restore'.`,
      { code: 'foreign_writer', retryable: false },
    );
  }

  /** Undefined for an object that is too large to be ours. */
  async #readOwn(key: string, bytesMax: number, options: SinkOptions): Promise<Buffer | undefined> {
    const object = await this.#getUpTo(key, bytesMax, options);
    if (object !== 'missing') return object;
    throw new SinkError(
      `The archive in ${this.#store.location} says that ${key} exists, and then that it does not. It will be tried again.`,
      { code: 'store_inconsistent', retryable: true },
    );
  }

  /** Undefined for an object that is larger. */
  async #getUpTo(
    key: string,
    bytesMax: number,
    options: SinkOptions,
  ): Promise<Buffer | 'missing' | undefined> {
    try {
      const object = await this.#store.get(key, { bytesMax, signal: options.signal });
      return object?.bytes ?? 'missing';
    } catch (error) {
      if (error instanceof SinkError && error.code === 'object_too_large') return undefined;
      throw error;
    }
  }

  async #assertAllKnown(attachment: Attachment, options: SinkOptions): Promise<void> {
    const { organization } = attachment;
    await this.#assertKnown(entriesFolder(organization), attachment, options);
    await this.#assertKnown(digestsFolder(organization), attachment, options);
  }

  async #assertKnown(folder: string, attachment: Attachment, options: SinkOptions): Promise<void> {
    for await (const { key } of this.#store.list(folder, options)) {
      // What is not named like an object of ours (a folder marker, a file of the desktop) can't be mistaken for one.
      if (parseArchiveKey(key) === undefined || attachment.isKnownObject(key)) continue;
      throw new SinkError(
        `The archive in ${this.#store.location} holds ${key}, which the store does not know under the name of this sink: the store is older than this archive, ` +
          `as after a restored backup, or the sink had another name. Run 'ccloud-audit restore', give the sink its old name, or another prefix or directory.`,
        { code: 'store_older', retryable: false },
      );
    }
  }

  /** The object that begins at or before a sequence, and last among those: ranges of objects never overlap. */
  async #objectOf(organization: string, sequence: number, options: SinkOptions): Promise<string | undefined> {
    let best: { key: string; first: number } | undefined;
    for await (const { key } of this.#store.list(entriesFolder(organization), options)) {
      const parsed = parseArchiveKey(key);
      if (parsed?.kind !== 'entries' || parsed.firstSequence > sequence) continue;
      if (best === undefined || parsed.firstSequence > best.first)
        best = { key, first: parsed.firstSequence };
    }
    return best?.key;
  }
}

/** The first entry of a batch that can be one object: without gaps, of one UTC day, one line each. */
function assertOneObject(batch: SinkBatch): SinkEntry {
  const [first] = batch.entries;
  if (first === undefined) throw unusable(batch, 'it has no entries');
  const [dayStart, dayEnd] = archiveDayBounds(first.createdAt);
  let expected = first.sequence;
  for (const { sequence, createdAt } of batch.entries) {
    // The archive keeps no sequences: a line's place tells it, also to those who rebuild a ledger from it.
    if (sequence !== expected) throw unusable(batch, `entry ${sequence} stands in the place of ${expected}`);
    if (createdAt < dayStart || createdAt >= dayEnd) {
      throw unusable(batch, `entry ${sequence} is not of ${archiveDay(first.createdAt)}`);
    }
    expected += 1;
  }
  for (const { entries, packed } of runsOf(batch.entries, batch.packed ?? [])) {
    // The ledger packs nothing but lines.
    const broken = packed === undefined ? entries.find(({ raw }) => raw.includes(lineFeed)) : undefined;
    if (broken !== undefined) throw unusable(batch, `entry ${broken.sequence} holds a line break`);
  }
  return first;
}

function unusable(batch: SinkBatch, reason: string): SinkError {
  return new SinkError(
    `A batch of ${batch.organization} can't become an archive object: ${reason}. Nothing was written.`,
    {
      code: 'batch_unusable',
      retryable: false,
    },
  );
}
