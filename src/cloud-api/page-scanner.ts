/**
 * An audit log page, cut into entries without changing a byte of them.
 *
 * The body is walked as bytes: the top-level object's members, then the elements of `entries`. What stands between
 * the values is checked here and each value is checked by the tape or by `JSON.parse`, so the whole accepts what `JSON.parse`
 * accepts (up to a bounded nesting). Duplicate keys: the last one counts, as in `JSON.parse`.
 *
 * Entries are views into the body, not copies: the entries of a page are appended together and dropped together, so
 * a copy would double the memory of a page in flight and free nothing sooner. A line feed takes the place of what follows each
 * of them there: entries side by side are then a text of lines, as whoever keeps them wants it, without a copy either.
 */
import { bytes } from '../json/json-bytes.ts';
import { JsonTape, kinds } from '../json/json-tape.ts';
import type { AuditEntry, AuditLogFields } from './audit-page.ts';
import { checkText, isJsonObject, parseSlice } from './json-body.ts';
import { cutOff, dropSpace, malformed, skipSpace, skipString, skipValue } from './json-scan.ts';

export interface ScannedPage {
  readonly entries: readonly AuditEntry[];
  readonly nextStartingFrom: string | undefined;
}

/** `entries` as found: a list of entries, nothing (null or missing), or something that can't be entries. */
type FoundEntries = readonly AuditEntry[] | undefined | { readonly problem: string };

/** Takes the body over, which is no longer JSON then. Throws an `UnusableBodyError` for everything that is not an audit log page. */
export function scanAuditPage(body: Buffer): ScannedPage {
  checkText(body);
  let at = skipSpace(body, 0);
  if (at === body.length) throw cutOff();
  if (body[at] !== bytes.openBrace) throw malformed('the body is not a JSON object');
  let entries: FoundEntries;
  let next: unknown;
  at = skipSpace(body, at + 1);
  if (body[at] === bytes.closeBrace) return finish(body, at + 1, entries, next);
  for (;;) {
    const member = readKey(body, at);
    const valueEnd =
      member.key === 'entries' && body[member.valueStart] === bytes.openBracket
        ? readEntries(body, member.valueStart)
        : readOther(body, member.valueStart);
    if (member.key === 'entries') entries = valueEnd.entries;
    if (member.key === 'next_starting_from') next = valueEnd.value;
    at = skipSpace(body, valueEnd.end);
    if (body[at] === bytes.closeBrace) return finish(body, at + 1, entries, next);
    expect(body, at, bytes.comma);
    at = skipSpace(body, at + 1);
  }
}

interface ReadValue {
  readonly end: number;
  readonly value: unknown;
  /** What the value means if its key is `entries`. */
  readonly entries: FoundEntries;
}

function readKey(body: Buffer, start: number): { readonly key: unknown; readonly valueStart: number } {
  expect(body, start, bytes.quote);
  const end = skipString(body, start);
  const key = parseSlice(body, start, end);
  const colon = skipSpace(body, end);
  expect(body, colon, bytes.colon);
  return { key, valueStart: skipSpace(body, colon + 1) };
}

function readOther(body: Buffer, start: number): ReadValue {
  const { end } = skipValue(body, start);
  // A bare word at the very end may be the beginning of a longer one.
  if (end === body.length) throw cutOff();
  const value = parseSlice(body, start, end);
  return {
    end,
    value,
    entries: value === null ? undefined : { problem: '`entries` is not a list' },
  };
}

function readEntries(body: Buffer, start: number): ReadValue {
  const entries: AuditEntry[] = [];
  let problem: string | undefined;
  let at = skipSpace(body, start + 1);
  if (body[at] === bytes.closeBracket) return { end: at + 1, value: undefined, entries };
  for (;;) {
    const read = readPlainEntry(body, at) ?? readEntry(body, at);
    if ('entry' in read) entries.push(read.entry);
    else problem = read.problem;
    at = skipSpace(body, read.end);
    const isLast = body[at] === bytes.closeBracket;
    if (!isLast) expect(body, at, bytes.comma);
    body[read.end] = bytes.lineFeed;
    if (isLast) break;
    at = skipSpace(body, at + 1);
  }
  return { end: at + 1, value: undefined, entries: problem === undefined ? entries : { problem } };
}

type ReadEntry =
  | { readonly end: number; readonly entry: AuditEntry }
  | { readonly end: number; readonly problem: string };

const tape = new JsonTape();
const idKey = Buffer.from('"id"');
const createdAtKey = Buffer.from('"created_at"');

/** An entry as they mostly are, without making an object of it; undefined for any other. */
function readPlainEntry(body: Buffer, start: number): ReadEntry | undefined {
  const end = tape.read(body, start, body.length);
  if (end === -1 || tape.kindOf(0) !== kinds.object || tape.hasOddKey || tape.hasLineBreak) return undefined;
  const id = valueOf(body, tape.memberOf(0, idKey));
  const createdAt = valueOf(body, tape.memberOf(0, createdAtKey));
  return { end, entry: new ScannedEntry(body.subarray(start, end), { id, created_at: createdAt }) };
}

function valueOf(body: Buffer, node: number): unknown {
  if (node === -1) return undefined;
  const start = tape.startOf(node);
  const end = tape.endOf(node);
  if (tape.kindOf(node) !== kinds.string) return parseSlice(body, start, end);
  return body.toString(tape.isAscii ? 'latin1' : 'utf8', start + 1, end - 1);
}

/** An entry must fit one line; a line break can only stand outside strings, since JSON forbids it inside. */
function readEntry(body: Buffer, start: number): ReadEntry {
  const { end, hasLineBreak } = skipValue(body, start);
  const fields = parseSlice(body, start, end);
  if (!isJsonObject(fields)) return { end, problem: 'an element of `entries` is not an object' };
  const slice = body.subarray(start, end);
  return { end, entry: new ScannedEntry(hasLineBreak ? dropSpace(slice) : slice, fields) };
}

class ScannedEntry implements AuditEntry {
  readonly raw: Buffer;
  readonly id: unknown;
  readonly createdAt: unknown;

  constructor(raw: Buffer, fields: Pick<AuditLogFields, 'id' | 'created_at'>) {
    this.raw = raw;
    this.id = fields.id;
    this.createdAt = fields.created_at;
  }

  get fields(): AuditLogFields {
    // It was a JSON object when the page was scanned.
    return JSON.parse(this.raw.toString('utf8')) as AuditLogFields;
  }
}

function finish(body: Buffer, end: number, entries: FoundEntries, next: unknown): ScannedPage {
  if (skipSpace(body, end) !== body.length) throw malformed('something follows the JSON object in the body');
  if (entries !== undefined && 'problem' in entries) throw malformed(entries.problem);
  // An unset field may be printed as null or as an empty string.
  if (next === undefined || next === null || next === '') {
    return { entries: entries ?? [], nextStartingFrom: undefined };
  }
  if (typeof next !== 'string') throw malformed('`next_starting_from` is not a string');
  return { entries: entries ?? [], nextStartingFrom: next };
}

function expect(body: Buffer, at: number, byte: number): void {
  if (at >= body.length) throw cutOff();
  if (body[at] !== byte) throw malformed('the body is not JSON');
}
