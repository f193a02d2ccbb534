/**
 * The canonical form as bytes, for the entries that are as entries mostly are: it is made for every new one, and as text it
 * costs twice the time and ten kilobytes of short-lived strings for each. Ranges of the line are put side by side in
 * memory that is used again; what is out of the ordinary is left to `canonicalForm`, which says what is right.
 */
import { bytes as punctuation } from '../cloud-api/json-scan.ts';
import { nestingAtMost, nestingMax } from './canonical.ts';

/** Larger entries are rare, and the memory stays. */
const lineBytesMax = 32 * 1024;
/** Places in that memory, which is one piece: copying within it makes no object. What is written begins at `outStart`. */
const innerStart = lineBytesMax;
const outStart = innerStart + lineBytesMax;
const outEnd = outStart + 2 * lineBytesMax;
const sortingStart = outEnd;
const bytesAll = sortingStart + 2 * lineBytesMax;
const fieldsMax = 4096;
/** More fields than this in one object are sorted elsewhere. */
const objectFieldsMax = 64;

const code = {
  ...punctuation,
  minus: 0x2d,
  nine: 0x39,
  period: 0x2e,
  plus: 0x2b,
  space: 0x20,
  zero: 0x30,
} as const;

const payloadKey = Buffer.from('"payload"');
const words = ['null', 'true', 'false'].map((word) => Buffer.from(word));

/** The canonical form of a line; undefined where it is out of the ordinary. Valid until the next call. */
export function canonicalBytes(line: Buffer): Buffer | undefined {
  return scribe.write(line);
}

/** Every method that reads tells whether it could: false ends the whole. What is written then is never looked at. */
class Scribe {
  readonly #bytes = Buffer.allocUnsafeSlow(bytesAll);
  /** For each field, innermost object last: where it begins in what was written, where its key ends, where it ends. */
  readonly #fields = new Int32Array(fieldsMax * 3);
  #fieldCount = 0;
  /** What is read: from here to the end. */
  #at = 0;
  #end = 0;
  /** Where is written. */
  #to = outStart;

  write(line: Buffer): Buffer | undefined {
    if (line.length > lineBytesMax || !isShallow(line)) return undefined;
    this.#bytes.set(line);
    this.#at = 0;
    this.#end = line.length;
    this.#to = outStart;
    this.#fieldCount = 0;
    this.#skipSpace();
    const isWritten = this.#peek() === code.openBrace && this.#object(true);
    return isWritten ? this.#bytes.subarray(outStart, this.#to) : undefined;
  }

  #peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : -1;
  }

  #skipSpace(): void {
    while (isSpace(this.#peek())) this.#at += 1;
  }

  #value(): boolean {
    this.#skipSpace();
    switch (this.#peek()) {
      case code.openBrace:
        return this.#object(false);
      case code.openBracket:
        return this.#array();
      case code.quote:
        return this.#string();
      default:
        return this.#literal();
    }
  }

  #array(): boolean {
    this.#at += 1;
    this.#put(code.openBracket);
    this.#skipSpace();
    if (this.#peek() === code.closeBracket) {
      this.#at += 1;
      return this.#put(code.closeBracket);
    }
    for (;;) {
      if (!this.#value()) return false;
      this.#skipSpace();
      const next = this.#peek();
      this.#at += 1;
      if (next === code.closeBracket) return this.#put(code.closeBracket);
      if (next !== code.comma) return false;
      this.#put(code.comma);
    }
  }

  /** `isEntry`: its payload is looked into, and what counts as absent is left out. */
  #object(isEntry: boolean): boolean {
    const first = this.#fieldCount;
    const start = this.#to;
    this.#at += 1;
    this.#skipSpace();
    if (this.#peek() === code.closeBrace) this.#at += 1;
    else {
      for (;;) {
        if (!this.#field(isEntry)) return false;
        this.#skipSpace();
        const next = this.#peek();
        this.#at += 1;
        if (next === code.closeBrace) break;
        if (next !== code.comma) return false;
        this.#skipSpace();
      }
    }
    const isJoined = this.#joinFields(first, start, isEntry);
    this.#fieldCount = first;
    return isJoined;
  }

  #field(isEntry: boolean): boolean {
    const start = this.#to;
    if (this.#peek() !== code.quote || !this.#key()) return false;
    const keyEnd = this.#to;
    this.#skipSpace();
    if (this.#peek() !== code.colon) return false;
    this.#at += 1;
    this.#put(code.colon);
    const isPayload =
      isEntry && keyEnd - start === payloadKey.length && payloadKey.compare(this.#bytes, start, keyEnd) === 0;
    if (!(isPayload ? this.#payload() : this.#value())) return false;
    if (this.#fieldCount >= fieldsMax) return false;
    const place = this.#fieldCount * 3;
    this.#fields[place] = start;
    this.#fields[place + 1] = keyEnd;
    this.#fields[place + 2] = this.#to;
    this.#fieldCount += 1;
    return true;
  }

  /** Sorted by key, of double keys the last: what lies from `start` on becomes the object. */
  #joinFields(first: number, start: number, isEntry: boolean): boolean {
    if (this.#fieldCount - first > objectFieldsMax) return false;
    this.#sortFields(first);
    this.#bytes.copyWithin(sortingStart, start, this.#to);
    // What lies in between the two.
    const moved = sortingStart - start;
    this.#to = start;
    this.#put(code.openBrace);
    for (let index = first; index < this.#fieldCount; index += 1) {
      const from = (this.#fields[index * 3] as number) + moved;
      const keyEnd = (this.#fields[index * 3 + 1] as number) + moved;
      const end = (this.#fields[index * 3 + 2] as number) + moved;
      const isDouble = index + 1 < this.#fieldCount && this.#compareKeys(index, moved) === 0;
      if (isDouble || (isEntry && isAbsent(this.#bytes, keyEnd + 1, end))) continue;
      if (this.#to > start + 1 && !this.#put(code.comma)) return false;
      if (!this.#copy(from, end)) return false;
    }
    return this.#put(code.closeBrace);
  }

  /** By insertion: equal keys stay in the order of the text. */
  #sortFields(first: number): void {
    for (let next = first + 1; next < this.#fieldCount; next += 1) {
      let place = next;
      while (place > first && this.#compareKeys(place - 1, 0) > 0) {
        this.#swapFields(place - 1);
        place -= 1;
      }
    }
  }

  /** A field and the one behind it. */
  #swapFields(index: number): void {
    const fields = this.#fields;
    for (let place = index * 3; place < index * 3 + 3; place += 1) {
      const value = fields[place] as number;
      fields[place] = fields[place + 3] as number;
      fields[place + 3] = value;
    }
  }

  /** The key of a field and that of the one behind it, where they were moved to. */
  #compareKeys(index: number, moved: number): number {
    const fields = this.#fields;
    const bytes = this.#bytes;
    const one = (fields[index * 3] as number) + moved;
    const other = (fields[index * 3 + 3] as number) + moved;
    const oneLength = (fields[index * 3 + 1] as number) + moved - one;
    const otherLength = (fields[index * 3 + 4] as number) + moved - other;
    const shared = Math.min(oneLength, otherLength);
    for (let place = 0; place < shared; place += 1) {
      const difference = (bytes[one + place] as number) - (bytes[other + place] as number);
      if (difference !== 0) return difference;
    }
    return oneLength - otherLength;
  }

  /** Only plain ones, whose bytes are in the order of their characters. */
  #key(): boolean {
    const start = this.#at;
    let at = start + 1;
    for (; ; at += 1) {
      if (at >= this.#end) return false;
      const byte = this.#bytes[at] as number;
      if (byte === code.quote) break;
      if (byte === code.backslash || byte < code.space || byte > 0x7e) return false;
    }
    this.#at = at + 1;
    return this.#copy(start, this.#at);
  }

  #string(): boolean {
    const start = this.#at;
    const isEscaped = this.#skipString();
    if (isEscaped === undefined) return false;
    return isEscaped ? this.#printed(this.#parsed(start, this.#at)) : this.#copy(start, this.#at);
  }

  /** A string that holds JSON counts as that JSON. */
  #payload(): boolean {
    this.#skipSpace();
    if (this.#peek() !== code.quote) return this.#value();
    const start = this.#at;
    const isEscaped = this.#skipString();
    if (isEscaped === undefined) return false;
    const inner = isEscaped
      ? this.#parsed(start, this.#at)
      : this.#bytes.toString('utf8', start + 1, this.#at - 1);
    if (inner === undefined) return false;
    if (inner === '' || !mayBeginJson(inner.charCodeAt(0))) {
      return isEscaped ? this.#printed(inner) : this.#copy(start, this.#at);
    }
    if (!nestingAtMost(inner, nestingMax)) return false;
    if (inner.length > lineBytesMax) return false;
    const bytes = this.#bytes.write(inner, innerStart, lineBytesMax, 'utf8');
    // Others than ASCII: a half of a pair would not survive.
    return bytes === inner.length && this.#innerValue(bytes);
  }

  /** False also where it is no JSON: then it is not for here to say what it is. */
  #innerValue(bytes: number): boolean {
    const outerAt = this.#at;
    const outerEnd = this.#end;
    this.#at = innerStart;
    this.#end = innerStart + bytes;
    const isWhole = this.#value();
    this.#skipSpace();
    const isAll = this.#at === this.#end;
    this.#at = outerAt;
    this.#end = outerEnd;
    return isWhole && isAll;
  }

  /** Moves behind the string; tells whether there is an escape in it. Undefined where it does not end. */
  #skipString(): boolean | undefined {
    let isEscaped = false;
    for (let at = this.#at + 1; at < this.#end; at += 1) {
      const byte = this.#bytes[at] as number;
      if (byte === code.quote) {
        this.#at = at + 1;
        return isEscaped;
      }
      if (byte < code.space) return undefined;
      if (byte === code.backslash) {
        isEscaped = true;
        at += 1;
      }
    }
    return undefined;
  }

  #parsed(from: number, to: number): string | undefined {
    try {
      return JSON.parse(this.#bytes.toString('utf8', from, to)) as string;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #printed(text: string | undefined): boolean {
    if (text === undefined) return false;
    const printed = JSON.stringify(text);
    if (this.#to + printed.length * 3 > outEnd) return false;
    this.#to += this.#bytes.write(printed, this.#to, 'utf8');
    return true;
  }

  #literal(): boolean {
    const start = this.#at;
    while (this.#at < this.#end && !endsLiteral(this.#bytes[this.#at] as number)) this.#at += 1;
    const end = this.#at;
    const isWord = words.some(
      (word) => word.length === end - start && word.compare(this.#bytes, start, end) === 0,
    );
    return (isWord || isNumber(this.#bytes, start, end)) && this.#copy(start, end);
  }

  #copy(from: number, end: number): boolean {
    if (this.#to + end - from > outEnd) return false;
    this.#bytes.copyWithin(this.#to, from, end);
    this.#to += end - from;
    return true;
  }

  #put(byte: number): boolean {
    if (this.#to >= outEnd) return false;
    this.#bytes[this.#to] = byte;
    this.#to += 1;
    return true;
  }
}

/** As `nestingAtMost` counts; false wherever it might say no. */
function isShallow(line: Buffer): boolean {
  if (line.length <= nestingMax * 2) return true;
  let depth = 0;
  for (const byte of line) {
    if (byte === code.openBracket || byte === code.openBrace) {
      depth += 1;
      if (depth > nestingMax) return false;
    } else if (byte === code.closeBracket || byte === code.closeBrace) depth -= 1;
  }
  return true;
}

function isAbsent(bytes: Buffer, from: number, to: number): boolean {
  const first = bytes[from];
  if (to - from === 4) return first === 0x6e; // null
  if (to - from !== 2) return false;
  const second = bytes[from + 1];
  return (
    (first === code.quote && second === code.quote) ||
    (first === code.openBracket && second === code.closeBracket) ||
    (first === code.openBrace && second === code.closeBrace)
  );
}

function isSpace(byte: number): boolean {
  return byte === code.space || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function endsLiteral(byte: number): boolean {
  return byte === code.comma || byte === code.closeBracket || byte === code.closeBrace || isSpace(byte);
}

/** What is not ASCII may be white space to others: it is not for here. */
function mayBeginJson(first: number): boolean {
  return (
    first <= code.space ||
    first > 0x7e ||
    first === code.openBrace ||
    first === code.openBracket ||
    first === code.quote ||
    first === code.minus ||
    isDigit(first) ||
    first === 0x74 || // true
    first === 0x66 || // false
    first === 0x6e // null
  );
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= code.zero && byte <= code.nine;
}

function isNumber(bytes: Buffer, from: number, to: number): boolean {
  let at = from;
  const digits = (): boolean => {
    const start = at;
    while (at < to && isDigit(bytes[at])) at += 1;
    return at > start;
  };
  if (at < to && bytes[at] === code.minus) at += 1;
  if (at < to && bytes[at] === code.zero) at += 1;
  else if (!digits()) return false;
  if (at < to && bytes[at] === code.period) {
    at += 1;
    if (!digits()) return false;
  }
  if (at < to && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at += 1;
    if (at < to && (bytes[at] === code.plus || bytes[at] === code.minus)) at += 1;
    if (!digits()) return false;
  }
  return at === to;
}

const scribe = new Scribe();
