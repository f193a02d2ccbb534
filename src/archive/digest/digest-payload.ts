/**
 * What a digest says: which objects an archive got since the digest before, what was journalled meanwhile, and where
 * the chain stands. JSON in UTF-8; its exact bytes are what is signed and what the next digest names by hash.
 *
 * Times are RFC 3339 in UTC with six or nine fraction digits, hashes lower-case hex of SHA-256, sequences numbers.
 */
import { createHash } from 'node:crypto';
import { DigestFormatError } from './digest-error.ts';
import { JsonMembers } from './json-members.ts';
import { parseJson } from './json.ts';

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
  /**
   * Every digest from this number to this one was signed when it was made; null: this one was not. Since the digest after
   * names these bytes by hash, a signature that somebody takes away later is missed. Undefined in digests of programs that
   * did not say so yet.
   */
  readonly signedFrom?: number | null | undefined;
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
    ...(payload.signedFrom === undefined ? {} : { signedFrom: payload.signedFrom }),
  };
  return Buffer.from(JSON.stringify(ordered));
}

/** What the next digest names this one by. */
export function payloadSha256(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('hex');
}

/** Throws a DigestFormatError that names the member that is not what it must be. Unknown members are allowed. */
export function parseDigest(bytes: Buffer): DigestPayload {
  const digest = new JsonMembers(parseJson(bytes), '');
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
    ...(digest.has('signedFrom') ? { signedFrom: digest.numberOrNull('signedFrom') } : {}),
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

function parsePrevious(previous: JsonMembers | undefined): DigestPayload['previous'] {
  if (previous === undefined) return null;
  return { number: previous.number('number'), sha256: previous.sha256('sha256') };
}

function parseNextKey(key: JsonMembers | undefined): DigestPayload['nextKey'] {
  if (key === undefined) return null;
  return { keyId: key.sha256('keyId'), publicKey: key.text('publicKey') };
}

function parseTotals(totals: JsonMembers): DigestTotals {
  return {
    sequence: totals.number('sequence'),
    objects: totals.number('objects'),
    entries: totals.number('entries'),
    chainSha256: totals.sha256('chainSha256'),
  };
}

function parseObject(object: JsonMembers): DigestObject {
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

function parseJournalLine(line: JsonMembers): DigestJournalLine {
  return {
    at: line.time('at'),
    what: line.text('what'),
    sink: line.textOrNull('sink'),
    detail: line.record('detail'),
    actor: line.text('actor'),
  };
}

function parseChange(change: JsonMembers): DigestChange {
  return {
    entry: change.text('entry'),
    sequence: change.number('sequence'),
    contentSha256: change.sha256('contentSha256'),
    lineSha256: change.sha256('lineSha256'),
    seenAt: change.time('seenAt'),
  };
}
