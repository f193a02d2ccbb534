/**
 * What a digest says: which objects an archive got since the digest before, what was journalled meanwhile, and where
 * the chain stands. JSON in UTF-8; its exact bytes are what is signed and what the next digest names by hash.
 *
 * Times are RFC 3339 in UTC with six or nine fraction digits, hashes lower-case hex of SHA-256, sequences numbers.
 */
import { createHash } from 'node:crypto';
import { DigestFormatError } from './digest-error.ts';
import { isRecord, parseJson } from './json.ts';

/** Bumped only when readers of digests must change. */
export const digestFormatVersion = 1;

/**
 * Why a digest was made: an hour with, or a day without, anything new; the end of a backfill or of another one-shot; a
 * change of the signing key.
 */
export const digestReasons = ['hourly', 'daily', 'backfill', 'rotation'] as const;
export type DigestReason = (typeof digestReasons)[number];

export interface DigestPayload {
  readonly formatVersion: number;
  readonly organization: { readonly name: string; readonly id: string | null };
  readonly ledgerId: string;
  readonly sink: string;
  /** 1, 2, 3, … without gaps, per organization and sink. */
  readonly number: number;
  /** The digest before, by the hash of its payload. */
  readonly previous: { readonly number: number; readonly sha256: string } | null;
  /** By the clock of the ledger's database. */
  readonly createdAt: string;
  /** One of `digestReasons`, or what a later version adds. */
  readonly reason: string;
  readonly through: DigestTotals;
  readonly objects: readonly DigestObject[];
  readonly journal: readonly DigestJournalLine[];
  readonly changes: readonly DigestChange[];
  /** On a rotation: the key of the digests that follow. Signed, as all of this, by the key before. */
  readonly nextKey: { readonly keyId: string; readonly publicKey: string } | null;
}

/** The archive's totals after this digest; zeros and the chain's start where it is empty. */
export interface DigestTotals {
  readonly sequence: number;
  readonly objects: number;
  readonly entries: number;
  readonly chainSha256: string;
}

export interface DigestObject {
  /** Relative to the archive's prefix or directory, so that a copy verifies too. */
  readonly key: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly entries: number;
  /** Raw text without line breaks. */
  readonly rawBytes: number;
  /** Of the first and the last line, in the order of sequence. */
  readonly firstCreatedAt: string;
  readonly lastCreatedAt: string;
  readonly firstId: string;
  readonly lastId: string;
  /** Over the lines, each with its line break. */
  readonly contentSha256: string;
  readonly storedSha256: string;
  readonly storedBytes: number;
  readonly merkleRoot: string;
  /** The chain's value after this object. */
  readonly chainSha256: string;
}

/** A line of the ledger's journal, about this organization or the whole store. */
export interface DigestJournalLine {
  readonly at: string;
  readonly what: string;
  readonly sink: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly actor: string;
}

/** An entry that the API showed again with other content. */
export interface DigestChange {
  readonly entry: string;
  readonly sequence: number;
  readonly contentSha256: string;
  readonly lineSha256: string;
  readonly seenAt: string;
}

/** The payload's bytes, with members always in the same order. */
export function encodeDigest(payload: DigestPayload): Buffer {
  const { organization, previous, through, nextKey } = payload;
  const ordered: DigestPayload = {
    formatVersion: payload.formatVersion,
    organization: { name: organization.name, id: organization.id },
    ledgerId: payload.ledgerId,
    sink: payload.sink,
    number: payload.number,
    previous: previous === null ? null : { number: previous.number, sha256: previous.sha256 },
    createdAt: payload.createdAt,
    reason: payload.reason,
    through: orderedTotals(through),
    objects: payload.objects.map(orderedObject),
    journal: payload.journal.map(({ at, what, sink, detail, actor }) => ({ at, what, sink, detail, actor })),
    changes: payload.changes.map(orderedChange),
    nextKey: nextKey === null ? null : { keyId: nextKey.keyId, publicKey: nextKey.publicKey },
  };
  return Buffer.from(JSON.stringify(ordered));
}

/** What the next digest names this one by. */
export function payloadSha256(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('hex');
}

/** Throws a DigestFormatError that names the member that is not what it must be. Unknown members are allowed. */
export function parseDigest(bytes: Buffer): DigestPayload {
  const digest = new Members(parseJson(bytes), '');
  const formatVersion = digest.number('formatVersion');
  if (formatVersion !== digestFormatVersion) {
    throw new DigestFormatError(
      `Its format version is ${formatVersion}; this program reads version ${digestFormatVersion}.`,
    );
  }
  const organization = digest.members('organization');
  return {
    formatVersion,
    organization: { name: organization.text('name'), id: organization.textOrNull('id') },
    ledgerId: digest.text('ledgerId'),
    sink: digest.text('sink'),
    number: digest.number('number'),
    previous: parsePrevious(digest.membersOrNull('previous')),
    createdAt: digest.time('createdAt'),
    reason: digest.text('reason'),
    through: parseTotals(digest.members('through')),
    objects: digest.list('objects').map(parseObject),
    journal: digest.list('journal').map(parseJournalLine),
    changes: digest.list('changes').map(parseChange),
    nextKey: parseNextKey(digest.membersOrNull('nextKey')),
  };
}

function orderedTotals({ sequence, objects, entries, chainSha256 }: DigestTotals): DigestTotals {
  return { sequence, objects, entries, chainSha256 };
}

function orderedObject(object: DigestObject): DigestObject {
  return {
    key: object.key,
    firstSequence: object.firstSequence,
    lastSequence: object.lastSequence,
    entries: object.entries,
    rawBytes: object.rawBytes,
    firstCreatedAt: object.firstCreatedAt,
    lastCreatedAt: object.lastCreatedAt,
    firstId: object.firstId,
    lastId: object.lastId,
    contentSha256: object.contentSha256,
    storedSha256: object.storedSha256,
    storedBytes: object.storedBytes,
    merkleRoot: object.merkleRoot,
    chainSha256: object.chainSha256,
  };
}

function orderedChange({ entry, sequence, contentSha256, lineSha256, seenAt }: DigestChange): DigestChange {
  return { entry, sequence, contentSha256, lineSha256, seenAt };
}

function parsePrevious(previous: Members | undefined): DigestPayload['previous'] {
  if (previous === undefined) return null;
  return { number: previous.number('number'), sha256: previous.sha256('sha256') };
}

function parseNextKey(key: Members | undefined): DigestPayload['nextKey'] {
  if (key === undefined) return null;
  return { keyId: key.sha256('keyId'), publicKey: key.text('publicKey') };
}

function parseTotals(totals: Members): DigestTotals {
  return {
    sequence: totals.number('sequence'),
    objects: totals.number('objects'),
    entries: totals.number('entries'),
    chainSha256: totals.sha256('chainSha256'),
  };
}

function parseObject(object: Members): DigestObject {
  return {
    key: object.text('key'),
    firstSequence: object.number('firstSequence'),
    lastSequence: object.number('lastSequence'),
    entries: object.number('entries'),
    rawBytes: object.number('rawBytes'),
    firstCreatedAt: object.time('firstCreatedAt'),
    lastCreatedAt: object.time('lastCreatedAt'),
    firstId: object.text('firstId'),
    lastId: object.text('lastId'),
    contentSha256: object.sha256('contentSha256'),
    storedSha256: object.sha256('storedSha256'),
    storedBytes: object.number('storedBytes'),
    merkleRoot: object.sha256('merkleRoot'),
    chainSha256: object.sha256('chainSha256'),
  };
}

function parseJournalLine(line: Members): DigestJournalLine {
  return {
    at: line.time('at'),
    what: line.text('what'),
    sink: line.textOrNull('sink'),
    detail: line.record('detail'),
    actor: line.text('actor'),
  };
}

function parseChange(change: Members): DigestChange {
  return {
    entry: change.text('entry'),
    sequence: change.number('sequence'),
    contentSha256: change.sha256('contentSha256'),
    lineSha256: change.sha256('lineSha256'),
    seenAt: change.time('seenAt'),
  };
}

const sha256Hex = /^[0-9a-f]{64}$/;
const utcTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.(?:\d{6}|\d{9})Z$/;

/** The members of a JSON object, each read as the type it must have. */
class Members {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (!isRecord(value)) {
      throw new DigestFormatError(`${path === '' ? 'It' : `Its ${path}`} is not a JSON object.`);
    }
    this.#members = value;
    this.#path = path;
  }

  text(name: string): string {
    const value = this.#members[name];
    return typeof value === 'string' ? value : this.#refuse(name, 'is not text');
  }

  textOrNull(name: string): string | null {
    return this.#members[name] === null ? null : this.text(name);
  }

  /** A whole number, zero or above, that is exact. */
  number(name: string): number {
    const value = this.#members[name];
    const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    return isCount ? value : this.#refuse(name, 'is not a whole number');
  }

  sha256(name: string): string {
    const value = this.text(name);
    return sha256Hex.test(value) ? value : this.#refuse(name, 'is not a SHA-256 in lower-case hex');
  }

  time(name: string): string {
    const value = this.text(name);
    return utcTime.test(value)
      ? value
      : this.#refuse(name, 'is not a UTC time with six or nine fraction digits');
  }

  record(name: string): Readonly<Record<string, unknown>> {
    const value = this.#members[name];
    return isRecord(value) ? value : this.#refuse(name, 'is not a JSON object');
  }

  members(name: string): Members {
    return new Members(this.#members[name], this.#path === '' ? name : `${this.#path}.${name}`);
  }

  membersOrNull(name: string): Members | undefined {
    return this.#members[name] === null ? undefined : this.members(name);
  }

  list(name: string): Members[] {
    const value = this.#members[name];
    if (!Array.isArray(value)) return this.#refuse(name, 'is not a list');
    return value.map((item: unknown, index) => new Members(item, `${name}[${index}]`));
  }

  #refuse(name: string, what: string): never {
    throw new DigestFormatError(`Its ${this.#path === '' ? '' : `${this.#path}.`}${name} ${what}.`);
  }
}
