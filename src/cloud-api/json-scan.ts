/**
 * Walking JSON as bytes. Only what is needed to cut a document into values without changing a byte: the inside of each
 * value is judged by `JSON.parse`, so that the two together accept exactly what `JSON.parse` accepts.
 */

import { bytes } from '../json/json-bytes.ts';

/**
 * Deeper documents are refused: each level costs memory once it is parsed. The deepest published audit payload has less
 * than ten, and one odd entry must not stop the export, so the limit is far from both.
 */
export const nestingMax = 100_000;

/** A body that is not the JSON it should be. Its message never quotes the body, which may hold secrets. */
export class UnusableBodyError extends Error {
  override readonly name = 'UnusableBodyError';
  /** The body ends too early: asking again can help. */
  readonly isCutOff: boolean;

  constructor(message: string, options: { readonly isCutOff: boolean }) {
    super(message);
    this.isCutOff = options.isCutOff;
  }
}

export function malformed(what: string): UnusableBodyError {
  return new UnusableBodyError(what, { isCutOff: false });
}

export function cutOff(): UnusableBodyError {
  return new UnusableBodyError('the body is cut off', { isCutOff: true });
}

// What a byte means outside a string. Numbers rather than a table: the loops below are the hot path of every page, and
// constants are compiled into them.
const plain = 0;
const quote = 1;
const open = 2;
const close = 3;
const space = 4;
const lineBreak = 5;
const separator = 6;

const kindOf: Uint8Array = new Uint8Array(256);
kindOf[bytes.quote] = quote;
kindOf[bytes.openBrace] = open;
kindOf[bytes.openBracket] = open;
kindOf[bytes.closeBrace] = close;
kindOf[bytes.closeBracket] = close;
kindOf[bytes.comma] = separator;
kindOf[bytes.colon] = separator;
kindOf[0x20] = space;
kindOf[0x09] = space;
kindOf[0x0a] = lineBreak;
kindOf[0x0d] = lineBreak;

export interface Skipped {
  /** The offset after the value. */
  readonly end: number;
  /** Whether a raw line break stands outside the value's strings. */
  readonly hasLineBreak: boolean;
}

/** The offset of the next byte that is not white space; the body's length when there is none. */
export function skipSpace(body: Uint8Array, start: number): number {
  let at = start;
  while (at < body.length && isSpace(kindOf[body[at] as number] as number)) at += 1;
  return at;
}

/** The extent of the value that starts at `start`. Throws when the body ends inside it. */
export function skipValue(body: Uint8Array, start: number): Skipped {
  const first = body[start];
  if (first === undefined) throw cutOff();
  if (first === bytes.quote) return { end: skipString(body, start), hasLineBreak: false };
  if (kindOf[first] === open) return skipContainer(body, start);
  return { end: skipScalar(body, start), hasLineBreak: false };
}

/** The offset after the string whose opening quote is at `start`. */
export function skipString(body: Uint8Array, start: number): number {
  const length = body.length;
  for (let at = start + 1; at < length; at += 1) {
    const byte = body[at];
    if (byte === 0x22) return at + 1;
    // Whatever is escaped, a quote above all, is passed over.
    if (byte === 0x5c) at += 1;
  }
  throw cutOff();
}

/** A copy of `value` without the white space outside its strings. */
export function dropSpace(value: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(value.length);
  let length = 0;
  let at = 0;
  while (at < value.length) {
    const byte = value[at] as number;
    const next = byte === bytes.quote ? skipString(value, at) : at + 1;
    if (!isSpace(kindOf[byte] as number)) {
      out.set(value.subarray(at, next), length);
      length += next - at;
    }
    at = next;
  }
  return out.subarray(0, length);
}

/** Depth is counted over both kinds of brackets: a wrong pair is left for `JSON.parse` to find. */
function skipContainer(body: Uint8Array, start: number): Skipped {
  const length = body.length;
  let hasLineBreak = false;
  let depth = 1;
  let at = start + 1;
  while (at < length) {
    const kind = kindOf[body[at] as number];
    at += 1;
    if (kind === quote) {
      at = skipString(body, at - 1);
    } else if (kind === open) {
      depth += 1;
      if (depth > nestingMax) throw malformed(`the body is nested deeper than ${nestingMax} levels`);
    } else if (kind === close) {
      depth -= 1;
      if (depth === 0) return { end: at, hasLineBreak };
    } else if (kind === lineBreak) {
      hasLineBreak = true;
    }
  }
  throw cutOff();
}

function skipScalar(body: Uint8Array, start: number): number {
  let at = start;
  while (at < body.length && kindOf[body[at] as number] === plain) at += 1;
  return at;
}

function isSpace(kind: number): boolean {
  return kind === space || kind === lineBreak;
}
