/**
 * Walking JSON as bytes. Only what is needed to cut a document into values without changing a byte: the inside of each
 * value is judged by `JSON.parse`, so that the two together accept exactly what `JSON.parse` accepts.
 */

/** Deeper documents are refused; the deepest published audit payload has less than ten levels. */
export const nestingMax = 512;

export const bytes = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

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

const kinds = { plain: 0, quote: 1, open: 2, close: 3, space: 4, lineBreak: 5, comma: 6, colon: 7 } as const;

/** What each byte means outside a string. */
const kindOf: Uint8Array = new Uint8Array(256);
kindOf[bytes.quote] = kinds.quote;
kindOf[bytes.openBrace] = kinds.open;
kindOf[bytes.openBracket] = kinds.open;
kindOf[bytes.closeBrace] = kinds.close;
kindOf[bytes.closeBracket] = kinds.close;
kindOf[bytes.comma] = kinds.comma;
kindOf[bytes.colon] = kinds.colon;
kindOf[0x20] = kinds.space;
kindOf[0x09] = kinds.space;
kindOf[0x0a] = kinds.lineBreak;
kindOf[0x0d] = kinds.lineBreak;

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
  if (kindOf[first] === kinds.open) return skipContainer(body, start);
  return { end: skipScalar(body, start), hasLineBreak: false };
}

/** The offset after the string whose opening quote is at `start`. */
export function skipString(body: Uint8Array, start: number): number {
  const length = body.length;
  let at = start + 1;
  while (at < length) {
    const byte = body[at];
    if (byte === bytes.quote) return at + 1;
    at += byte === bytes.backslash ? 2 : 1;
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
    if (kind === kinds.quote) {
      at = skipString(body, at - 1);
    } else if (kind === kinds.open) {
      depth += 1;
      if (depth > nestingMax) throw malformed(`the body is nested deeper than ${nestingMax} levels`);
    } else if (kind === kinds.close) {
      depth -= 1;
      if (depth === 0) return { end: at, hasLineBreak };
    } else if (kind === kinds.lineBreak) {
      hasLineBreak = true;
    }
  }
  throw cutOff();
}

function skipScalar(body: Uint8Array, start: number): number {
  let at = start;
  while (at < body.length && kindOf[body[at] as number] === kinds.plain) at += 1;
  return at;
}

function isSpace(kind: number): boolean {
  return kind === kinds.space || kind === kinds.lineBreak;
}
