/**
 * Rows in the binary format of COPY: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
 *
 *   signature, flags, no extension │ (field count, (length, bytes)…)… │ -1
 *
 * It is faster than the text format, and no byte of a value has a meaning in it, so nothing needs to be escaped.
 */
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const headerBytes = signature.length + 8;

const jsonbVersion = 1;
/** Up to so many bytes a loop is quicker than the call that copies them. */
const loopMax = 64;
/** 2000-01-01T00:00:00Z, where PostgreSQL counts from, in microseconds since 1970. */
const epoch = 946_684_800_000_000n;
/** 4714-11-24 BC and the first microsecond after 294276 AD. The two extremes of int8 mean -infinity and infinity. */
const timestampMin = -211_813_488_000_000_000n;
const timestampEnd = 9_223_371_331_200_000_000n;

/**
 * Writes a whole number at a place; tells where it ends. Most are small numbers, and making a bigint of each costs more than
 * writing it.
 */
export function setInt8(bytes: Buffer, place: number, value: number): number {
  const high = Math.floor(value / 2 ** 32);
  bytes.writeInt32BE(high, place);
  return bytes.writeUInt32BE(value - high * 2 ** 32, place + 4);
}

const dash = 0x2d;
const uuidLength = 36;

/** The value of a hexadecimal digit. Throws a TypeError for anything else. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  if (lower >= 0x61 && lower <= 0x66) return lower - 0x57;
  throw notUuid(text);
}

function notUuid(text: string): TypeError {
  return new TypeError(`${JSON.stringify(text)} is not a UUID`);
}

/** Builds the bytes of one COPY. Values are written in the order of the statement's columns. */
export class CopyBinaryWriter {
  readonly #fields: number;
  #buffer: Buffer;
  #view: DataView;
  #length: number;

  /** `fields` is the number of columns; `bytesExpected` spares growing. `memory` is written over, where it is large enough. */
  constructor(fields: number, bytesExpected: number, memory?: Buffer) {
    this.#fields = fields;
    const bytes = headerBytes + 2 + bytesExpected;
    this.#buffer = memory !== undefined && memory.length >= bytes ? memory : Buffer.allocUnsafe(bytes);
    this.#view = viewOf(this.#buffer);
    signature.copy(this.#buffer);
    this.#buffer.fill(0, signature.length, headerBytes);
    this.#length = headerBytes;
  }

  /** What it writes into, which may be another than it was given; free again when nobody needs what was written. */
  get memory(): Buffer {
    return this.#buffer;
  }

  startRow(): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(this.#fields, this.#length);
  }

  null(): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(-1, this.#length);
  }

  text(value: string | null): void {
    if (value === null) this.null();
    else this.#string(value);
  }

  /** Text that stands in `source` as UTF-8. */
  textOf(source: Buffer, start: number, end: number): void {
    this.#reserve(4 + end - start);
    this.#length = this.#buffer.writeInt32BE(end - start, this.#length);
    this.#range(source, start, end);
  }

  bytes(value: Buffer): void {
    this.#reserve(4 + value.length);
    this.#length = this.#buffer.writeInt32BE(value.length, this.#length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Leaves room for bytes that the caller writes into `memory`; tells where. */
  bytesLater(length: number): number {
    this.#reserve(4 + length);
    const place = this.#buffer.writeInt32BE(length, this.#length);
    this.#length = place + length;
    return place;
  }

  /** As the database prints it: 32 hexadecimal digits and four dashes. */
  uuid(value: string): void {
    this.#reserve(20);
    this.#length = this.#buffer.writeInt32BE(16, this.#length);
    const buffer = this.#buffer;
    const end = this.#length + 16;
    // Without the dashes, for Node to read, the text would take 260 bytes of short-lived memory.
    for (let at = 0; at < value.length && this.#length < end; at += 2) {
      if (value.charCodeAt(at) === dash) at += 1;
      buffer[this.#length] = digitAt(value, at) * 16 + digitAt(value, at + 1);
      this.#length += 1;
    }
    if (value.length !== uuidLength || this.#length !== end) throw notUuid(value);
  }

  int8(value: bigint | number): void {
    this.#reserve(12);
    this.#length = this.#buffer.writeInt32BE(8, this.#length);
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      this.#length = setInt8(this.#buffer, this.#length, value);
    } else {
      this.#view.setBigInt64(this.#length, BigInt(value));
      this.#length += 8;
    }
  }

  /** Leaves room for a value that `setInt8` fills in; tells where. */
  int8Later(): number {
    this.#reserve(12);
    const place = this.#buffer.writeInt32BE(8, this.#length);
    this.#length = place + 8;
    return place;
  }

  /** Nanoseconds since 1970, cut to microseconds; null outside what a timestamptz can hold, never another time. */
  timestamptz(time: bigint): void {
    const microseconds = time / 1000n - (time % 1000n < 0n ? 1n : 0n) - epoch;
    if (microseconds < timestampMin || microseconds >= timestampEnd) this.null();
    else this.int8(microseconds);
  }

  /** JSON text, or null for SQL's null. */
  jsonb(value: string | Buffer | null): void {
    if (value === null) {
      this.null();
    } else if (typeof value === 'string') {
      this.#string(value, jsonbVersion);
    } else {
      this.#reserve(5 + value.length);
      this.#length = this.#buffer.writeInt32BE(1 + value.length, this.#length);
      this.#length = this.#buffer.writeUInt8(jsonbVersion, this.#length);
      this.#length += value.copy(this.#buffer, this.#length);
    }
  }

  /** JSON text that stands in `source` as UTF-8. */
  jsonbOf(source: Buffer, start: number, end: number): void {
    this.#reserve(5 + end - start);
    this.#length = this.#buffer.writeInt32BE(1 + end - start, this.#length);
    this.#length = this.#buffer.writeUInt8(jsonbVersion, this.#length);
    this.#range(source, start, end);
  }

  /** The whole of it; the writer must not be used any more. */
  finish(): Buffer {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(-1, this.#length);
    return this.#buffer.subarray(0, this.#length);
  }

  #string(value: string, version?: number): void {
    // A UTF-16 unit takes three bytes of UTF-8 at most, so nothing has to be measured first.
    this.#reserve(5 + value.length * 3);
    const start = this.#length + 4;
    const textStart = version === undefined ? start : this.#buffer.writeUInt8(version, start);
    const end = textStart + this.#buffer.write(value, textStart, 'utf8');
    this.#buffer.writeInt32BE(end - start, this.#length);
    this.#length = end;
  }

  #range(source: Buffer, start: number, end: number): void {
    if (end - start > loopMax) {
      this.#length += source.copy(this.#buffer, this.#length, start, end);
      return;
    }
    const buffer = this.#buffer;
    let to = this.#length;
    for (let at = start; at < end; at += 1) {
      buffer[to] = source[at] as number;
      to += 1;
    }
    this.#length = to;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}

/** It writes a bigint without making others of it, as a buffer does. */
function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
