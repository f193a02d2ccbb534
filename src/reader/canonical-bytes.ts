/**
 * The canonical form as bytes, for the entries that are as entries mostly are: it is made for every new one, and as text it
 * costs twice the time and ten kilobytes of short-lived strings for each. Ranges of the line are put side by side in
 * memory that is used again; what is out of the ordinary is left to `canonicalForm`, which says what is right.
 */
import { bytes as code } from '../json/json-bytes.ts';
import { equals, JsonTape, kinds } from '../json/json-tape.ts';
import { unescapeInto } from '../json/json-string.ts';
import { nestingMax } from './canonical.ts';

/** Larger entries are rare, and the memory stays. */
const lineBytesMax = 32 * 1024;
/**
 * Places in that memory, which is one piece: copying within it makes no object. First the line, then a payload that was
 * unescaped, then what is written.
 */
const innerStart = lineBytesMax;
const outStart = innerStart + lineBytesMax;
const outEnd = outStart + 2 * lineBytesMax;
/** Of objects within each other. */
const fieldsMax = 4096;
/** More fields than this in one object are sorted elsewhere. */
const objectFieldsMax = 64;
/** Up to so many bytes a loop is quicker than the call that copies them. */
const loopMax = 256;

const { quote, openBracket, closeBracket, openBrace, closeBrace } = code;

const payloadKey = Buffer.from('"payload"');

/** The canonical form of a line; undefined where it is out of the ordinary. Valid until the next call. */
export function canonicalBytes(line: Buffer): Buffer | undefined {
  return scribe.write(line);
}

/** Every method tells whether it could: false ends the whole. What is written then is never looked at. */
class Scribe {
  readonly #bytes = Buffer.allocUnsafeSlow(outEnd);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #line = new JsonTape();
  readonly #inner = new JsonTape();
  /** The keys of the objects that are being written, innermost last, each object's in order. */
  readonly #keys = new Int32Array(fieldsMax);
  /** The first bytes of each of them, which mostly tell their order. */
  readonly #prefixes = new Uint32Array(fieldsMax);
  #keyCount = 0;
  /** Where is written. */
  #to = outStart;

  write(line: Buffer): Buffer | undefined {
    if (line.length > lineBytesMax || !isShallow(line, 0, line.length)) return undefined;
    this.#bytes.set(line);
    this.#to = outStart;
    this.#keyCount = 0;
    const tape = this.#line;
    const start = skipSpace(this.#bytes, 0, line.length);
    const end = tape.read(this.#bytes, start, line.length);
    const isWhole = end !== -1 && skipSpace(this.#bytes, end, line.length) === line.length;
    if (!isWhole || tape.hasOddKey || tape.kindOf(0) !== kinds.object) return undefined;
    return this.#object(tape, 0, true) ? this.#bytes.subarray(outStart, this.#to) : undefined;
  }

  #value(tape: JsonTape, node: number): boolean {
    switch (tape.kindOf(node)) {
      case kinds.object:
        return this.#object(tape, node, false);
      case kinds.array:
        return this.#array(tape, node);
      case kinds.escapedString:
        return this.#printed(tape, node);
      default:
        return this.#copy(tape.startOf(node), tape.endOf(node));
    }
  }

  #array(tape: JsonTape, array: number): boolean {
    const end = tape.afterOf(array);
    if (!this.#put(openBracket)) return false;
    for (let node = array + 1; node < end; node = tape.afterOf(node)) {
      if (node > array + 1 && !this.#put(code.comma)) return false;
      if (!this.#value(tape, node)) return false;
    }
    return this.#put(closeBracket);
  }

  /** `isEntry`: its payload is looked into, and what counts as absent is left out. */
  #object(tape: JsonTape, object: number, isEntry: boolean): boolean {
    const first = this.#keyCount;
    if (!this.#sortKeys(tape, object) || !this.#put(openBrace)) return false;
    const end = this.#keyCount;
    const start = this.#to;
    for (let place = first; place < end; place += 1) {
      const key = this.#keys[place] as number;
      // Of double keys the last counts.
      if (place + 1 < end && this.#compareKeys(tape, key, this.#keys[place + 1] as number) === 0) continue;
      const before = this.#to;
      if (before > start && !this.#put(code.comma)) return false;
      if (!this.#copy(tape.startOf(key), tape.endOf(key)) || !this.#put(code.colon)) return false;
      const valueStart = this.#to;
      const isPayload = isEntry && equals(this.#bytes, tape.startOf(key), tape.endOf(key), payloadKey);
      if (!(isPayload ? this.#payload(key + 1) : this.#value(tape, key + 1))) return false;
      if (isEntry && isAbsent(this.#bytes, valueStart, this.#to)) this.#to = before;
    }
    this.#keyCount = first;
    return this.#put(closeBrace);
  }

  /** The keys of an object behind those of the objects around it, by insertion: equal keys stay in the order of the text. */
  #sortKeys(tape: JsonTape, object: number): boolean {
    const first = this.#keyCount;
    const end = tape.afterOf(object);
    let count = first;
    for (let key = object + 1; key < end; key = tape.afterOf(key + 1)) {
      if (count >= fieldsMax || count - first >= objectFieldsMax) return false;
      const prefix = this.#prefixOf(tape, key);
      let place = count;
      while (place > first) {
        const before = this.#keys[place - 1] as number;
        const prefixBefore = this.#prefixes[place - 1] as number;
        if (prefixBefore < prefix) break;
        if (prefixBefore === prefix && this.#compareKeys(tape, before, key) <= 0) break;
        this.#keys[place] = before;
        this.#prefixes[place] = prefixBefore;
        place -= 1;
      }
      this.#keys[place] = key;
      this.#prefixes[place] = prefix;
      count += 1;
    }
    this.#keyCount = count;
    return true;
  }

  /** Four bytes behind the quote as a number; what stands behind the key counts as nothing. */
  #prefixOf(tape: JsonTape, key: number): number {
    const start = tape.startOf(key) + 1;
    const surplus = start + 4 - tape.endOf(key);
    // The memory goes on behind every line.
    const word = this.#view.getUint32(start);
    return surplus <= 0 ? word : ((word >>> (surplus * 8)) << (surplus * 8)) >>> 0;
  }

  #compareKeys(tape: JsonTape, one: number, other: number): number {
    const bytes = this.#bytes;
    // With the quotes, as the text's keys are: a space is less than the quote that ends a key.
    const oneStart = tape.startOf(one);
    const otherStart = tape.startOf(other);
    const oneLength = tape.endOf(one) - oneStart;
    const otherLength = tape.endOf(other) - otherStart;
    const shared = Math.min(oneLength, otherLength);
    for (let place = 0; place < shared; place += 1) {
      const difference = (bytes[oneStart + place] as number) - (bytes[otherStart + place] as number);
      if (difference !== 0) return difference;
    }
    return oneLength - otherLength;
  }

  /** A string that holds JSON counts as that JSON. */
  #payload(node: number): boolean {
    const tape = this.#line;
    const isEscaped = tape.kindOf(node) === kinds.escapedString;
    if (!isEscaped && tape.kindOf(node) !== kinds.string) return this.#value(tape, node);
    let start = tape.startOf(node) + 1;
    let end = tape.endOf(node) - 1;
    if (isEscaped) {
      end = unescapeInto(this.#bytes, { start, end }, this.#bytes, innerStart);
      if (end === -1) return false;
      start = innerStart;
    }
    if (start === end || !mayBeginJson(this.#bytes[start] as number)) return this.#value(tape, node);
    return isShallow(this.#bytes, start, end) && this.#innerValue(start, end);
  }

  /** False also where it is no JSON: then it is not for here to say what it is. */
  #innerValue(start: number, end: number): boolean {
    const tape = this.#inner;
    const valueStart = skipSpace(this.#bytes, start, end);
    const valueEnd = tape.read(this.#bytes, valueStart, end);
    const isWhole = valueEnd !== -1 && skipSpace(this.#bytes, valueEnd, end) === end;
    return isWhole && !tape.hasOddKey && this.#value(tape, 0);
  }

  /** Escapes are printed alike. */
  #printed(tape: JsonTape, node: number): boolean {
    const text = this.#bytes.toString('utf8', tape.startOf(node), tape.endOf(node));
    const printed = JSON.stringify(JSON.parse(text));
    if (this.#to + printed.length * 3 > outEnd) return false;
    this.#to += this.#bytes.write(printed, this.#to, 'utf8');
    return true;
  }

  #copy(from: number, end: number): boolean {
    const bytes = this.#bytes;
    let to = this.#to;
    if (to + end - from > outEnd) return false;
    if (end - from > loopMax) {
      bytes.copyWithin(to, from, end);
      to += end - from;
    } else {
      let at = from;
      for (; at + 4 <= end; at += 4) {
        this.#view.setInt32(to, this.#view.getInt32(at));
        to += 4;
      }
      for (; at < end; at += 1) {
        bytes[to] = bytes[at] as number;
        to += 1;
      }
    }
    this.#to = to;
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
function isShallow(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= nestingMax * 2) return true;
  let depth = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === openBracket || byte === openBrace) {
      depth += 1;
      if (depth > nestingMax) return false;
    } else if (byte === closeBracket || byte === closeBrace) depth -= 1;
  }
  return true;
}

function isAbsent(bytes: Buffer, from: number, to: number): boolean {
  const first = bytes[from];
  if (to - from === 4) return first === 0x6e; // null
  if (to - from !== 2) return false;
  const second = bytes[from + 1];
  return (
    (first === quote && second === quote) ||
    (first === openBracket && second === closeBracket) ||
    (first === openBrace && second === closeBrace)
  );
}

function skipSpace(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(bytes[at] as number)) at += 1;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === code.space || byte === code.lineFeed || byte === code.carriageReturn || byte === code.tab;
}

/** What is not ASCII may be white space to others: it is not for here. */
function mayBeginJson(first: number): boolean {
  return (
    first <= code.space ||
    first > 0x7e ||
    first === openBrace ||
    first === openBracket ||
    first === quote ||
    first === code.minus ||
    (first >= code.zero && first <= code.nine) ||
    first === 0x74 || // true
    first === 0x66 || // false
    first === 0x6e // null
  );
}

const scribe = new Scribe();
