/** One object of entries: whether it is what its digest lists, and sound by itself. */
import { createHash, type Hash } from 'node:crypto';
import { constants, isUtf8 } from 'node:buffer';
import type { DigestObject } from '../../archive/digest/digest-payload.ts';
import { MerkleRoot } from '../../archive/digest/merkle.ts';
import { GzipMemberError, readGzipMember } from '../../archive/gzip-member.ts';
import { archiveDayBounds, parseArchiveKey } from '../../archive/layout.ts';
import type { ObjectStore } from '../../archive/object-store.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import { beginningOfTime, endOfTime } from '../../ledger/coverage.ts';
import { formatTimestamp, parseTimestamp, type Nanos } from '../../time.ts';
import type { DoubleIds } from './double-ids.ts';
import type { Finding, FindingCode, Findings } from './findings.ts';
import { LineCutter } from './lines.ts';

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
/** Of one object, lines that are complained about one by one. */
const lineFindingsMax = 20;

export async function checkObject(
  object: ObjectToCheck,
  context: ObjectCheckContext,
): Promise<ObjectSeen | undefined> {
  const stored = await read(object, context);
  if (stored === undefined) return undefined;
  const check = new ContentCheck(object, context);
  const { claim } = object;
  // What was altered may be longer, and is still looked at; what never ends is not.
  const contentBytesMax =
    claim === undefined ? objectBytesMax : claim.rawBytes + claim.entries + surplusBytesMax;
  try {
    const content = readGzipMember(stored, { contentBytesMax, signal: context.signal });
    const cutter = new LineCutter();
    for await (const piece of content) {
      for (const line of cutter.take(piece)) check.line(line, true);
      await context.ids?.settle();
    }
    const rest = cutter.rest();
    if (rest !== undefined) check.line(rest, false);
    check.end();
  } catch (error) {
    if (!(error instanceof GzipMemberError)) throw error;
    check.add('gzip_invalid', `is not exactly one whole gzip member: ${error.message}`);
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
      message: `The object ${object.key} ${what}.`,
    });
  };
  try {
    const found = await store.get(object.key, { bytesMax: objectBytesMax, signal });
    return found?.bytes ?? unreadable('is listed, and then not there');
  } catch (error) {
    if (!(error instanceof SinkError) || error.code !== 'object_too_large') throw error;
    return unreadable('is larger than any object of an archive; it was not read');
  }
}

class ContentCheck {
  isWhole = true;
  readonly key: string;
  readonly #object: ObjectToCheck;
  readonly #context: ObjectCheckContext;
  readonly #content: Hash = createHash('sha256');
  readonly #tree = new MerkleRoot();
  readonly #firstSequence: number;
  readonly #day: readonly [from: bigint, to: bigint] | undefined;
  #entries = 0;
  #rawBytes = 0;
  #lineFindings = 0;
  first: LineSeen | undefined;
  last: LineSeen | undefined;

  constructor(object: ObjectToCheck, context: ObjectCheckContext) {
    this.#object = object;
    this.#context = context;
    this.key = object.key;
    const parsed = parseArchiveKey(object.key);
    const day = parsed?.kind === 'entries' ? parseTimestamp(`${parsed.day}T00:00:00Z`) : undefined;
    this.#firstSequence = parsed?.kind === 'entries' ? parsed.firstSequence : 0;
    this.#day = day === undefined ? undefined : archiveDayBounds(day);
  }

  line(line: Buffer, isFinished: boolean): void {
    this.#entries += 1;
    this.#rawBytes += line.length;
    const sha256 = createHash('sha256').update(line).digest();
    this.#tree.add(sha256);
    this.#content.update(line);
    if (isFinished) this.#content.update('\n');
    else this.add('last_line_unfinished', 'ends without a line break, in line', this.#entries);
    if (line.includes(0x0d)) this.#addLine('line_carriage_return', 'holds a carriage return in line');
    const fields = parseLine(line);
    if (fields === undefined) {
      this.#addLine('line_not_json', 'does not hold one JSON object in UTF-8 in line');
      return;
    }
    const seen = { id: idOf(fields, sha256), createdAt: createdAtOf(fields) };
    this.first ??= this.#entries === 1 ? seen : undefined;
    this.last = { ...seen, line: this.#entries };
    this.#checkDay(seen.createdAt);
    this.#context.ids?.add(seen.id, this.#firstSequence + this.#entries - 1);
  }

  end(): void {
    if (this.#entries === 0) this.add('entry_count_wrong', 'holds no entry');
  }

  add(code: FindingCode, what: string, line?: number): void {
    const { organization, key } = this.#object;
    const finding: Finding = {
      code,
      organization,
      object: key,
      message: `The object ${key} ${what}${line === undefined ? '' : ` ${line}`}.`.replace(/\.\.$/, '.'),
    };
    this.#context.findings.add(line === undefined ? finding : { ...finding, line });
  }

  seen(): ObjectSeen {
    return {
      entries: this.#entries,
      rawBytes: this.#rawBytes,
      firstCreatedAt: this.first?.createdAt,
      lastCreatedAt: this.last?.createdAt,
    };
  }

  get entries(): number {
    return this.#entries;
  }

  get rawBytes(): number {
    return this.#rawBytes;
  }

  contentSha256(): string {
    return this.#content.copy().digest('hex');
  }

  merkleRoot(): string {
    return this.#tree.root().toString('hex');
  }

  #addLine(code: FindingCode, what: string): void {
    this.#lineFindings += 1;
    if (this.#lineFindings <= lineFindingsMax) this.add(code, what, this.#entries);
  }

  #checkDay(createdAt: Nanos | undefined): void {
    // An entry without a usable time is filed where its page stood, which the line does not tell.
    if (createdAt === undefined || this.#day === undefined) return;
    const [from, to] = this.#day;
    if (createdAt >= from && createdAt < to) return;
    this.#addLine('wrong_day', `holds an entry of ${formatTimestamp(createdAt)} in line`);
  }
}

interface LineSeen {
  readonly id: string;
  readonly createdAt: Nanos | undefined;
  readonly line?: number;
}

/** Against the digest. Where the stored bytes are the signed ones, everything else can only show an error of the signer. */
function compare(
  check: ContentCheck,
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

function compareParts(check: ContentCheck, claim: DigestObject): void {
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

type Fields = Readonly<Record<string, unknown>>;

function parseLine(line: Buffer): Fields | undefined {
  if (line.length > constants.MAX_STRING_LENGTH || !isUtf8(line)) return undefined;
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Fields) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** As sinks get it: the API's id, or the hash of the line for an entry without one. */
function idOf(fields: Fields, sha256: Buffer): string {
  const id = fields['id'];
  return typeof id === 'string' && id !== '' ? id : `sha256:${sha256.toString('hex')}`;
}

/** A time that the ledger can't hold counts as none, as it did there. */
function createdAtOf(fields: Fields): Nanos | undefined {
  const text = fields['created_at'];
  const time = typeof text === 'string' ? parseTimestamp(text) : undefined;
  return time === undefined || time < beginningOfTime || time > endOfTime ? undefined : time;
}
