/**
 * JSON read strictly as bytes, without making an object or a string: where each value begins and ends, in a table that is
 * used again. What it accepts is JSON (https://www.rfc-editor.org/rfc/rfc8259); it may refuse what is out of the ordinary
 * (very deep, very many values), which is left to `JSON.parse`. The bytes must be valid UTF-8; that is not checked here.
 *
 * The table is flat. A container stands before what it holds, and of an object's members the key before its value:
 *
 *     {"a":[1,2],"b":"x"}     0 object   1 key a   2 array   3 1   4 2   5 key b   6 string x
 *                             afterOf(0) = 7       afterOf(2) = 5
 */

import { bytes as code } from './json-bytes.ts';

/** What a value is. `escapedString` holds at least one backslash. */
export const kinds = { object: 0, array: 1, string: 2, escapedString: 3, literal: 4 } as const;

/** Read by recursion: deeper values are rare, and not for here. */
const depthMax = 128;
/** Values and keys together. */
const nodesMax = 4096;

/** Of a string's bytes the quote, the backslash and what must not be there. One look in a table: comparing would be mispredicted. */
const needsLook = new Uint8Array(256);
needsLook.fill(1, 0, code.space);
needsLook[code.quote] = 1;
needsLook[code.backslash] = 1;

/** What may follow a backslash. */
const escapable = new Uint8Array(256);
for (const letter of '"\\/bfnrtu') escapable[letter.charCodeAt(0)] = 1;
const hexDigit = new Uint8Array(256);
for (const letter of '0123456789abcdefABCDEF') hexDigit[letter.charCodeAt(0)] = 1;

const [nullWord, trueWord, falseWord] = [Buffer.from('null'), Buffer.from('true'), Buffer.from('false')];

const failed = -1;
const notAscii = 0x80808080;

export class JsonTape {
  readonly #starts = new Int32Array(nodesMax);
  readonly #ends = new Int32Array(nodesMax);
  readonly #afters = new Int32Array(nodesMax);
  readonly #kinds = new Uint8Array(nodesMax);
  #source: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #limit = 0;
  #count = 0;
  #depth = 0;
  /** All bytes of strings, or'ed, four of them side by side. */
  #seen = 0;
  #hasLineBreak = false;
  #hasOddKey = false;
  #hasNumberedEscape = false;

  /**
   * Reads the value that begins at `start`, which must be no space, and ends before `limit`. Returns the offset behind it; -1 for
   * what is no JSON, cut off, or out of the ordinary. The table is that of the last call.
   */
  read(source: Uint8Array, start: number, limit: number): number {
    if (source !== this.#source)
      this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.#source = source;
    this.#limit = limit;
    this.#count = 0;
    this.#depth = 0;
    this.#seen = 0;
    this.#hasLineBreak = false;
    this.#hasOddKey = false;
    this.#hasNumberedEscape = false;
    return this.#value(start);
  }

  /** Whether every byte is ASCII. */
  get isAscii(): boolean {
    return (this.#seen & notAscii) === 0;
  }

  /** Whether a raw line break stands outside the strings. */
  get hasLineBreak(): boolean {
    return this.#hasLineBreak;
  }

  /** Whether a key holds an escape or something else than ASCII: its bytes then don't tell which key it is, or its order. */
  get hasOddKey(): boolean {
    return this.#hasOddKey;
  }

  /** Whether a string holds a character as its number, such as `\u0000`. */
  get hasNumberedEscape(): boolean {
    return this.#hasNumberedEscape;
  }

  kindOf(node: number): number {
    return this.#kinds[node] as number;
  }

  /** Strings begin and end with their quotes. */
  startOf(node: number): number {
    return this.#starts[node] as number;
  }

  endOf(node: number): number {
    return this.#ends[node] as number;
  }

  /** The first one behind it and all that it holds. */
  afterOf(node: number): number {
    return this.#afters[node] as number;
  }

  /**
   * The value of an object's member, of double keys the last; -1 where there is none. `key` is its text with the quotes, and
   * `hasOddKey` must be false.
   */
  memberOf(object: number, key: Uint8Array): number {
    const end = this.afterOf(object);
    let found = failed;
    for (let node = object + 1; node < end; node = this.afterOf(node + 1)) {
      if (equals(this.#source, this.startOf(node), this.endOf(node), key)) found = node + 1;
    }
    return found;
  }

  #value(at: number): number {
    if (at >= this.#limit || this.#count >= nodesMax) return failed;
    switch (this.#source[at] as number) {
      case code.quote:
        return this.#string(at);
      case code.openBrace:
        return this.#object(at);
      case code.openBracket:
        return this.#array(at);
      default:
        return this.#literal(at);
    }
  }

  #object(start: number): number {
    const node = this.#open(start, kinds.object);
    if (this.#depth > depthMax) return failed;
    let at = this.#skipSpace(start + 1);
    if (at < this.#limit && this.#source[at] === code.closeBrace) return this.#close(node, at + 1);
    for (;;) {
      if (at >= this.#limit || this.#source[at] !== code.quote || this.#count >= nodesMax) return failed;
      at = this.#key(at);
      if (at === failed) return failed;
      at = this.#skipSpace(at);
      if (at >= this.#limit || this.#source[at] !== code.colon) return failed;
      at = this.#value(this.#skipSpace(at + 1));
      if (at === failed) return failed;
      at = this.#skipSpace(at);
      if (at >= this.#limit) return failed;
      const byte = this.#source[at];
      if (byte === code.closeBrace) return this.#close(node, at + 1);
      if (byte !== code.comma) return failed;
      at = this.#skipSpace(at + 1);
    }
  }

  #array(start: number): number {
    const node = this.#open(start, kinds.array);
    if (this.#depth > depthMax) return failed;
    let at = this.#skipSpace(start + 1);
    if (at < this.#limit && this.#source[at] === code.closeBracket) return this.#close(node, at + 1);
    for (;;) {
      at = this.#value(at);
      if (at === failed) return failed;
      at = this.#skipSpace(at);
      if (at >= this.#limit) return failed;
      const byte = this.#source[at];
      if (byte === code.closeBracket) return this.#close(node, at + 1);
      if (byte !== code.comma) return failed;
      at = this.#skipSpace(at + 1);
    }
  }

  #open(start: number, kind: number): number {
    const node = this.#count;
    this.#count += 1;
    this.#depth += 1;
    this.#starts[node] = start;
    this.#kinds[node] = kind;
    return node;
  }

  #close(node: number, end: number): number {
    this.#depth -= 1;
    this.#ends[node] = end;
    this.#afters[node] = this.#count;
    return end;
  }

  #key(start: number): number {
    const seen = this.#seen;
    this.#seen = 0;
    const end = this.#string(start);
    if ((this.#seen & notAscii) !== 0 || this.#kinds[this.#count - 1] !== kinds.string)
      this.#hasOddKey = true;
    this.#seen |= seen;
    return end;
  }

  #string(start: number): number {
    const source = this.#source;
    const limit = this.#limit;
    const view = this.#view;
    const lastWord = limit - 4;
    let seen = 0;
    let kind: number = kinds.string;
    for (let at = start + 1; at < limit; at += 1) {
      while (at <= lastWord) {
        const word = view.getInt32(at, true);
        const found = bytesToLookAt(word);
        if (found !== 0) {
          // Its lowest bit belongs to the first of them; what stands before that one is passed over.
          const lowest = found & -found;
          seen |= word & ((lowest >>> 7) - 1);
          at += (31 - Math.clz32(lowest)) >> 3;
          break;
        }
        seen |= word;
        at += 4;
      }
      const byte = source[at] as number;
      seen |= byte;
      if (needsLook[byte] === 0) continue;
      if (byte === code.quote) {
        this.#seen |= seen;
        return this.#add(start, at + 1, kind);
      }
      if (byte !== code.backslash) return failed;
      kind = kinds.escapedString;
      at += 1;
      if (at >= limit || escapable[source[at] as number] === 0) return failed;
      if (source[at] === code.lowerU) {
        if (!this.#isHex(at + 1)) return failed;
        this.#hasNumberedEscape = true;
        at += 4;
      }
    }
    return failed;
  }

  #isHex(start: number): boolean {
    const source = this.#source;
    if (start + 4 > this.#limit) return false;
    return (
      (hexDigit[source[start] as number] as number) +
        (hexDigit[source[start + 1] as number] as number) +
        (hexDigit[source[start + 2] as number] as number) +
        (hexDigit[source[start + 3] as number] as number) ===
      4
    );
  }

  #literal(start: number): number {
    const source = this.#source;
    let at = start;
    while (at < this.#limit && !endsLiteral(source[at] as number)) at += 1;
    return isWord(source, start, at) || isNumber(source, start, at)
      ? this.#add(start, at, kinds.literal)
      : failed;
  }

  #add(start: number, end: number, kind: number): number {
    const node = this.#count;
    this.#starts[node] = start;
    this.#ends[node] = end;
    this.#kinds[node] = kind;
    this.#count = node + 1;
    this.#afters[node] = node + 1;
    return end;
  }

  #skipSpace(start: number): number {
    const source = this.#source;
    const limit = this.#limit;
    let at = start;
    while (at < limit) {
      const byte = source[at] as number;
      if (byte > code.space) return at;
      if (byte === code.lineFeed || byte === code.carriageReturn) this.#hasLineBreak = true;
      else if (byte !== code.space && byte !== code.tab) return at;
      at += 1;
    }
    return at;
  }
}

/** Whether these bytes are just those of `text`. */
export function equals(source: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let place = 0; place < text.length; place += 1) {
    if (source[start + place] !== text[place]) return false;
  }
  return true;
}

/**
 * Of four bytes, the bit 0x80 of each that is a quote, a backslash or below a space; a byte behind one of them may have it too.
 * See https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
 */
function bytesToLookAt(word: number): number {
  const quotes = word ^ 0x22222222;
  const backslashes = word ^ 0x5c5c5c5c;
  return (
    (((quotes - 0x01010101) & ~quotes) |
      ((backslashes - 0x01010101) & ~backslashes) |
      ((word - 0x20202020) & ~word)) &
    0x80808080
  );
}

function isWord(source: Uint8Array, start: number, end: number): boolean {
  return (
    equals(source, start, end, nullWord) ||
    equals(source, start, end, trueWord) ||
    equals(source, start, end, falseWord)
  );
}

function endsLiteral(byte: number): boolean {
  return byte === code.comma || byte === code.closeBracket || byte === code.closeBrace || byte <= code.space;
}

function isNumber(source: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (at < end && source[at] === code.minus) at += 1;
  const whole = at < end && source[at] === code.zero ? at + 1 : afterDigits(source, at, end);
  if (whole === at) return false;
  at = whole;
  if (at < end && source[at] === code.period) {
    const fraction = afterDigits(source, at + 1, end);
    if (fraction === at + 1) return false;
    at = fraction;
  }
  if (at < end && (source[at] === code.lowerE || source[at] === code.upperE)) {
    at += 1;
    if (at < end && (source[at] === code.plus || source[at] === code.minus)) at += 1;
    const exponent = afterDigits(source, at, end);
    if (exponent === at) return false;
    at = exponent;
  }
  return at === end;
}

function afterDigits(source: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isDigit(source[at] as number)) at += 1;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= code.zero && byte <= code.nine;
}
