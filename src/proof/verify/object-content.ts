/** The lines of one object, as they go by: whether each is sound by itself, and what they are together. */
import { createHash, type Hash } from 'node:crypto';
import { constants, isUtf8 } from 'node:buffer';
import { MerkleRoot } from '../../archive/digest/merkle.ts';
import { archiveDayBounds, parseArchiveKey } from '../../archive/layout.ts';
import { beginningOfTime, endOfTime } from '../../ledger/coverage.ts';
import { formatTimestamp, parseTimestamp, type Nanos } from '../../time.ts';
import type { Finding, FindingCode } from './findings.ts';
import type { ObjectCheckContext, ObjectSeen, ObjectToCheck } from './object-check.ts';

/** The archive writes none, and refusing one costs more than reading a good one. */
const illegibleLinesMax = 1000;
/** Of one object, lines that are complained about one by one. */
const lineFindingsMax = 20;

/** The message says of what there are more. */
export class TooManyLines extends Error {}

export class ObjectContent {
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
  #illegibleLines = 0;
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
      this.#illegibleLines += 1;
      if (this.#illegibleLines > illegibleLinesMax)
        throw new TooManyLines(`${illegibleLinesMax} lines that are not JSON objects`);
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

export interface LineSeen {
  readonly id: string;
  readonly createdAt: Nanos | undefined;
  readonly line?: number;
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
