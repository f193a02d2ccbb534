/** One object of entries: whether it is what its digest lists, and sound by itself. */
import { createHash } from 'node:crypto';
import type { DigestObject } from '../../archive/digest/digest-payload.ts';
import { GzipMemberError, readGzipMember } from '../../archive/gzip-member.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import { parseTimestamp, type Nanos } from '../../time.ts';
import type { DoubleIds } from './double-ids.ts';
import type { Findings } from './findings.ts';
import { LineCutter } from './lines.ts';
import { ObjectContent, TooManyLines, type LineSeen } from './object-content.ts';
import { unreadableObject } from './unreadable.ts';

export interface ObjectToCheck {
  readonly organization: string;
  readonly key: string;
  /** As listed. */
  readonly storedBytes: number;
  /** What a digest says; undefined for an object that none lists. */
  readonly claim: DigestObject | undefined;
}

export interface ObjectCheckContext {
  readonly store: ObjectStore;
  readonly findings: Findings;
  /** Undefined: its ids are not compared with others. */
  readonly ids: DoubleIds | undefined;
  readonly signal: AbortSignal;
}

/** What was counted; undefined where the object could not be read. */
export interface ObjectSeen {
  readonly entries: number;
  readonly rawBytes: number;
  readonly firstCreatedAt: Nanos | undefined;
  readonly lastCreatedAt: Nanos | undefined;
}

/** No object of an archive is larger, packed or unpacked: a roll's bytes and one page of the API. */
const objectBytesMax = 1024 ** 3;
const surplusBytesMax = 16 * 1024 * 1024;
/** A roll of the largest setting and a page of the API. Gzip packs short lines a thousand to one, and each costs a hash. */
const linesMax = 1_100_000;
const surplusLinesMax = 10_000;

export async function checkObject(
  object: ObjectToCheck,
  context: ObjectCheckContext,
): Promise<ObjectSeen | undefined> {
  const stored = await read(object, context);
  if (stored === undefined) return undefined;
  const check = new ObjectContent(object, context);
  const { claim } = object;
  // What was altered may be longer, and is still looked at; what never ends is not.
  const contentBytesMax =
    claim === undefined
      ? objectBytesMax
      : Math.min(objectBytesMax, claim.rawBytes + claim.entries + surplusBytesMax);
  const most = claim === undefined ? linesMax : Math.min(linesMax, claim.entries + surplusLinesMax);
  try {
    const content = readGzipMember(stored, { contentBytesMax, signal: context.signal });
    const cutter = new LineCutter();
    for await (const piece of content) {
      for (const line of cutter.take(piece)) {
        if (check.entries === most) throw new TooManyLines(`${most} lines`);
        check.line(line, true);
      }
      await context.ids?.settle();
    }
    const rest = cutter.rest();
    if (rest !== undefined) check.line(rest, false);
    check.end();
  } catch (error) {
    if (error instanceof GzipMemberError)
      check.add('gzip_invalid', `is not exactly one whole gzip member: ${error.message}`);
    else if (error instanceof TooManyLines)
      check.add('lines_too_many', `holds more than ${error.message}; the rest was not read`);
    else throw error;
    check.isWhole = false;
  }
  if (claim !== undefined) compare(check, claim, { stored, storedBytes: stored.length });
  return check.seen();
}

async function read(object: ObjectToCheck, context: ObjectCheckContext): Promise<Buffer | undefined> {
  const { store, findings, signal } = context;
  const unreadable = (what: string): undefined => {
    findings.add({
      code: 'object_unreadable',
      organization: object.organization,
      object: object.key,
      message: `The object ${object.key} ${what}.`.replace(/\.\.$/, '.'),
    });
  };
  try {
    const found = await store.get(object.key, { bytesMax: objectBytesMax, signal });
    return found?.bytes ?? unreadable('is listed, and then not there');
  } catch (error) {
    const why = unreadableObject(error);
    if (why === undefined) throw error;
    const isTooLarge = error instanceof SinkError && error.code === 'object_too_large';
    return unreadable(
      isTooLarge ? 'is larger than any object of an archive; it was not read' : `can't be read: ${why}`,
    );
  }
}

/** Against the digest. Where the stored bytes are the signed ones, everything else can only show an error of the signer. */
function compare(
  check: ObjectContent,
  claim: DigestObject,
  found: { readonly stored: Buffer; readonly storedBytes: number },
): void {
  const isStored =
    found.storedBytes === claim.storedBytes &&
    createHash('sha256').update(found.stored).digest('hex') === claim.storedSha256;
  const isContent = check.isWhole && check.contentSha256() === claim.contentSha256;
  if (!isStored && isContent) {
    check.add(
      'object_repacked',
      'holds the signed entries, but other bytes were stored for them than were signed',
    );
  }
  if (!isStored && !isContent) {
    check.add(
      'object_altered',
      `is not what was signed: it has ${found.storedBytes} bytes (signed: ${claim.storedBytes})${check.isWhole ? ' and another content' : ''}`,
    );
  }
  if (isStored && !isContent && check.isWhole) {
    check.add('content_mismatch', 'has the stored bytes that its digest lists, and not the content');
  }
  if (!check.isWhole) return;
  if (check.entries !== claim.entries) {
    check.add('entry_count_wrong', `holds ${check.entries} entries; its digest lists ${claim.entries}`);
  }
  if (isContent || isStored) compareParts(check, claim);
}

function compareParts(check: ObjectContent, claim: DigestObject): void {
  if (check.merkleRoot() !== claim.merkleRoot) {
    check.add('merkle_root_wrong', 'has another Merkle root over its lines than its digest lists');
  }
  if (check.rawBytes !== claim.rawBytes) {
    check.add(
      'raw_bytes_wrong',
      `has ${check.rawBytes} bytes of entries; its digest lists ${claim.rawBytes}`,
    );
  }
  const { first, last } = check;
  if (first !== undefined && !isSameEntry(first, { id: claim.firstId, createdAt: claim.firstCreatedAt })) {
    check.add('first_entry_wrong', 'begins with another entry than its digest lists');
  }
  const isLast = last !== undefined && last.line === check.entries;
  if (isLast && !isSameEntry(last, { id: claim.lastId, createdAt: claim.lastCreatedAt })) {
    check.add('last_entry_wrong', 'ends with another entry than its digest lists');
  }
}

function isSameEntry(seen: LineSeen, claimed: { readonly id: string; readonly createdAt: string }): boolean {
  if (seen.id !== claimed.id) return false;
  return seen.createdAt === undefined || seen.createdAt === parseTimestamp(claimed.createdAt);
}
