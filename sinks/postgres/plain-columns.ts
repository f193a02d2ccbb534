/**
 * The columns of an entry that is as entries mostly are, taken over as bytes: no object and no string is made of them. Anything
 * out of the ordinary is left to `takenColumns`, which says what is right.
 */
import { isUtf8 } from 'node:buffer';
import type { CopyBinaryWriter } from '../../src/database/copy-binary.ts';
import { unescapeInto } from '../../src/json/json-string.ts';
import { equals, JsonTape, kinds } from '../../src/json/json-tape.ts';
import { columnText, fieldColumns } from './taken-columns.ts';

/** Larger entries are rare, and the memory stays. */
const rawBytesMax = 32 * 1024;
const absent = -1;

const fieldKeys = fieldColumns.map((name) => Buffer.from(`"${name}"`));
const metadataKey = Buffer.from('"metadata"');
const addressKey = Buffer.from('"ip_address"');
const payloadKey = Buffer.from('"payload"');
const nullWord = Buffer.from('null');

/** Writes what `takenColumns` would give for `raw`; false where it is not for here, and nothing was written. */
export function writePlainColumns(writer: CopyBinaryWriter, raw: Buffer): boolean {
  if (raw.length > rawBytesMax || line.read(raw, 0, raw.length) !== raw.length) return false;
  if (line.kindOf(0) !== kinds.object || line.hasOddKey) return false;
  // What was archived elsewhere may hold bytes that no text column takes.
  if (!line.isAscii && !isUtf8(raw)) return false;
  const payload = line.memberOf(0, payloadKey);
  if (!isPlainPayload(raw, payload)) return false;
  for (const key of fieldKeys) writeText(writer, raw, line.memberOf(0, key));
  writeText(writer, raw, addressNode());
  writePayload(writer, raw, payload);
  return true;
}

const line = new JsonTape();
const inner = new JsonTape();
/** What a payload that is a string means. */
const unescaped = Buffer.allocUnsafeSlow(rawBytesMax);

function addressNode(): number {
  const metadata = line.memberOf(0, metadataKey);
  return metadata !== absent && line.kindOf(metadata) === kinds.object
    ? line.memberOf(metadata, addressKey)
    : absent;
}

function isText(node: number): boolean {
  const kind = line.kindOf(node);
  return kind === kinds.string || kind === kinds.escapedString;
}

function writeText(writer: CopyBinaryWriter, raw: Buffer, node: number): void {
  if (node === absent) {
    writer.null();
    return;
  }
  const start = line.startOf(node);
  const end = line.endOf(node);
  switch (line.kindOf(node)) {
    case kinds.string:
      writer.textOf(raw, start + 1, end - 1);
      return;
    case kinds.escapedString:
      writer.text(columnText(JSON.parse(raw.toString('utf8', start, end)) as string));
      return;
    default:
      if (equals(raw, start, end, nullWord)) writer.null();
      else writer.textOf(raw, start, end);
  }
}

/** A string must hold JSON; nothing may hold a character as its number, since jsonb refuses some of them. */
function isPlainPayload(raw: Buffer, node: number): boolean {
  if (node === absent) return true;
  if (!isText(node)) return !line.hasNumberedEscape;
  const content = { start: line.startOf(node) + 1, end: line.endOf(node) - 1 };
  const end = unescapeInto(raw, content, unescaped, 0);
  if (end === -1) return false;
  return inner.read(unescaped, 0, end) === end && !inner.hasNumberedEscape;
}

function writePayload(writer: CopyBinaryWriter, raw: Buffer, node: number): void {
  if (node === absent) {
    writer.null();
    return;
  }
  const isInner = isText(node);
  const source = isInner ? unescaped : raw;
  const start = isInner ? 0 : line.startOf(node);
  const end = isInner ? inner.endOf(0) : line.endOf(node);
  if (equals(source, start, end, nullWord)) writer.null();
  else writer.jsonbOf(source, start, end);
}
