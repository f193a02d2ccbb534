/**
 * The sink contract: the seam for destinations, ours and those of third parties.
 *
 * A sink is an object literal from a factory. It writes batches and nothing else: it does not retry, does not log
 * entries, and knows neither offsets nor the API nor other sinks. A delivery (one per organization and sink) feeds
 * it batches of the ledger in sequence order, repeats a batch after a failure or a crash, and moves its offset only
 * when `write` has resolved.
 *
 * The same batch always has the same entries: the content of a sequence range never changes. So a sink makes a
 * repeat harmless by key or by name and content, or declares that repeats are visible.
 */

import type { PackedLines } from '../src/gzip-pieces.ts';

/**
 * One audit log entry as the ledger holds it. `id`, `sha256` and, where a sink has `roll`, `raw` may be made each time they are
 * asked for: ask once, in the order of the batch, and name the members you want, since spreading an entry into another object
 * does not copy them.
 */
export interface SinkEntry {
  /** Its place in the ledger of its organization: 1, 2, 3, … without gaps. */
  readonly sequence: number;
  /** The API's `id`, verbatim; for an entry without one, the ledger's key. */
  readonly id: string;
  /** `created_at` in nanoseconds since 1970; for an entry without a usable one, the position of its page. */
  readonly createdAt: bigint;
  /** The entry's JSON text in UTF-8, byte for byte as the API sent it, without line breaks. Never altered. */
  readonly raw: Buffer;
  /** The length of `raw`, which need not be made for it. */
  readonly rawBytes: number;
  /** SHA-256 of `raw`, 32 bytes. */
  readonly sha256: Buffer;
}

export interface SinkBatch {
  readonly organization: string;
  /** At least one; consecutive sequences unless entries were parked or the sink starts at a later time. */
  readonly entries: readonly SinkEntry[];
  /**
   * For sinks with `roll`: lines of the batch that are packed already, in order, where there are any. A sink that stores gzip
   * need not pack them again, or ask for their text; any other looks at `entries` alone.
   */
  readonly packed?: readonly PackedLines[];
}

/** How a sink wants its batches cut. Without `roll` it gets whatever is there, up to a few thousand entries. */
export interface Roll {
  /** Close a batch at this many entries. */
  readonly entries: number;
  /** Close a batch at this many bytes of raw text. */
  readonly bytes: number;
  /** Close a batch when its first entry has waited this long, in milliseconds since it was appended. */
  readonly ageMs: number;
  /** Whether a batch holds entries of one UTC day of `createdAt` only. */
  readonly byDay: boolean;
}

export interface SinkCapabilities {
  /** Present: each batch is planned in the ledger before it is written and becomes one object for ever. */
  readonly roll?: Roll;
  /** `absorbed`: a repeated batch changes nothing. `visible`: a reader of the destination sees it again. */
  readonly repeats: 'absorbed' | 'visible';
}

/** What a sink made of a batch; kept in the ledger for sinks with `roll`. */
export interface WriteReceipt {
  /** The object's name relative to the sink's prefix or directory, with `/` between parts. */
  readonly key: string;
  /** SHA-256 and length of the bytes as they are stored: of the object found, when it was there already. */
  readonly storedSha256: Buffer;
  readonly storedBytes: number;
}

/** A statement about a part of an archive, signed where a key is configured. Its bytes never change. */
export interface SinkDigest {
  readonly organization: string;
  /** 1, 2, 3, … without gaps, per organization and sink. */
  readonly number: number;
  readonly bytes: Buffer;
}

/** What a delivery tells a sink when it starts to feed it for one organization. */
export interface Attachment {
  readonly organization: string;
  /** The organization's id at the vendor; undefined where the API does not tell. */
  readonly organizationId: string | undefined;
  /** Random id of this ledger, made once. */
  readonly ledgerId: string;
  /** The last entry that this sink acknowledged; undefined at the start. */
  readonly last: HeldEntry | undefined;
  /** For sinks with `roll`: whether a confirmed or planned object, or digest, of this name is known to the ledger. */
  readonly isKnownObject: (key: string) => boolean;
}

/** Enough of an acknowledged entry to look for it at the destination. */
export interface HeldEntry {
  readonly sequence: number;
  readonly id: string;
  readonly sha256: Buffer;
  /** For sinks with `roll`: the key of the object that holds it. */
  readonly object: string | undefined;
}

/** An acknowledged entry by its place alone, for looking at many. */
export type HeldPlace = Omit<HeldEntry, 'id'>;

/** An acknowledged entry that the destination does not hold as it was written. */
export interface HeldDifference {
  readonly sequence: number;
  /** `missing`: there is nothing in its place. `altered`: there is something else. */
  readonly kind: 'missing' | 'altered';
}

export interface SinkOptions {
  readonly signal: AbortSignal;
}

export interface Sink {
  readonly name: string;
  readonly type: string;
  readonly capabilities: SinkCapabilities;
  /**
   * Names the destination, so that another one under the same sink name is noticed: bucket and prefix; host, database
   * and table; directory. Stable over restarts; never a secret.
   */
  readonly fingerprint: string;
  /** Connects and creates or checks what it needs. Rejects with a sentence that says what to do. */
  open(options: SinkOptions): Promise<void>;
  /**
   * Called once per organization before its first `write`, and again after each take-over. Rejects with a
   * SinkError of code `destination_lost` when the destination no longer holds `last`, `foreign_writer` when somebody
   * else writes there, `store_older` when it holds objects that the ledger does not know.
   */
  attach(attachment: Attachment, options: SinkOptions): Promise<void>;
  /**
   * Resolves only when every entry of the batch is durable at the destination. May be repeated. Keeps order, alters
   * nothing. Rejects with a SinkError.
   */
  write(batch: SinkBatch, options: SinkOptions): Promise<WriteReceipt | undefined>;
  /**
   * For sinks with `roll`, where they can: begins in memory what `write` of this very batch will need, while another batch
   * is still being written. Touches nothing at the destination, and never fails: what went wrong is `write`'s to tell. The
   * write may never come.
   */
  prepare?(batch: SinkBatch, options: SinkOptions): void;
  /** Whether the destination holds this entry of this organization, unaltered. */
  holds(organization: string, entry: HeldEntry, options: SinkOptions): Promise<boolean>;
  /**
   * The same for many entries at once, in the order of sequence and for sinks with `roll` of one object: those that
   * differ. Optional; without it `holds` is asked entry by entry.
   */
  compare?(
    organization: string,
    entries: readonly HeldPlace[],
    options: SinkOptions,
  ): Promise<readonly HeldDifference[]>;
  /**
   * For sinks with `roll`, where they can: the content of an object as it was written, every line with its line break,
   * unpacked, `bytes` long. Undefined where there is no such object, or it is not whole. Another sink is fed from it when the
   * ledger no longer has the text.
   */
  read?(
    object: { readonly key: string; readonly bytes: number },
    options: SinkOptions,
  ): Promise<Buffer | undefined>;
  /**
   * For sinks with `roll` that keep digests beside their objects: resolves only when exactly these bytes are durable under
   * the digest's number. May be repeated. Rejects with a SinkError of code `foreign_writer` when other bytes are there.
   */
  writeDigest?(digest: SinkDigest, options: SinkOptions): Promise<void>;
  /** Waits for the write in flight, leaves nothing behind. Idempotent. */
  close(): Promise<void>;
}
