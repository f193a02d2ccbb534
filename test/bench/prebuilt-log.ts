/** An audit log whose pages are built once. A page from any other position, or of another size, is put together when asked for. */
import { protoTimestamp } from '../../src/sandbox/entry-writer.ts';
import type { HistoryShape } from '../../src/sandbox/history-shape.ts';
import { createTimeline } from '../../src/sandbox/timeline.ts';
import { nanos, parseTimestamp } from '../../src/time.ts';
import { createPlainEntryWriter } from './plain-entries.ts';

export interface PrebuiltLogOptions {
  readonly entries: number;
  /** Entries are filled up to about this many bytes. */
  readonly entryBytes: number;
  readonly pageSize: number;
  /** Nanoseconds since 1970. */
  readonly from: bigint;
  readonly to: bigint;
  readonly shape: HistoryShape;
}

const seed = 1;
const opening = '{"entries":[';

/** One page: its entries, the places of their texts in `body`, and the whole answer. */
interface Page {
  readonly first: number;
  readonly body: Buffer;
  /** Where each entry's text starts, and, at the end, where the last one ends; a comma stands between two. */
  readonly offsets: Uint32Array;
}

export class PrebuiltLog {
  readonly bytes: number;
  readonly #pageSize: number;
  readonly #times: BigInt64Array;
  readonly #pages: Page[] = [];
  readonly #byFirst = new Map<number, Page>();

  constructor(options: PrebuiltLogOptions) {
    const { entries, pageSize } = options;
    this.#pageSize = pageSize;
    this.#times = createTimeline({ ...options, seed, bigTies: false, isFine: false });
    const writer = createPlainEntryWriter(options.entryBytes);
    let bytes = 0;
    for (let first = 0; first < entries; first = this.#endOfPage(first, pageSize)) {
      const end = this.#endOfPage(first, pageSize);
      const texts: string[] = [];
      for (let index = first; index < end; index += 1) {
        texts.push(writer.write(index, nanos(this.#times[index] as bigint)));
      }
      const page = this.#build(first, texts);
      this.#pages.push(page);
      this.#byFirst.set(first, page);
      bytes += page.body.length;
    }
    this.bytes = bytes;
  }

  get size(): number {
    return this.#times.length;
  }

  get pages(): number {
    return this.#pages.length;
  }

  /** The answer to one request in ascending order; `startingFrom` is exclusive, a timestamp's entries are never parted. */
  page(startingFrom: string | undefined, limit: number): Buffer {
    const from = startingFrom === undefined ? undefined : parseTimestamp(startingFrom);
    const first = from === undefined ? 0 : this.#after(from);
    const prebuilt = limit === this.#pageSize ? this.#byFirst.get(first) : undefined;
    if (prebuilt !== undefined) return prebuilt.body;
    const end = this.#endOfPage(first, limit);
    const parts: Buffer[] = [];
    for (let index = first; index < end; index += 1) {
      parts.push(Buffer.from(parts.length === 0 ? opening : ','), this.#text(index));
    }
    if (parts.length === 0) parts.push(Buffer.from(opening));
    const next = end > first ? this.#timeText(end - 1) : (startingFrom ?? protoTimestamp(nanos(0n)));
    return Buffer.concat([...parts, Buffer.from(closing(next))]);
  }

  #build(first: number, texts: readonly string[]): Page {
    const next = closing(this.#timeText(first + texts.length - 1));
    const body = Buffer.from(`${opening}${texts.join(',')}${next}`);
    const offsets = new Uint32Array(texts.length + 1);
    let at = opening.length;
    for (const [index, text] of texts.entries()) {
      offsets[index] = at;
      at += Buffer.byteLength(text) + 1;
    }
    offsets[texts.length] = at;
    return { first, body, offsets };
  }

  #text(index: number): Buffer {
    const page = this.#pages[lastNotAfter(this.#pages, index)] as Page;
    const place = index - page.first;
    return page.body.subarray(page.offsets[place], (page.offsets[place + 1] as number) - 1);
  }

  #timeText(index: number): string {
    return protoTimestamp(nanos(this.#times[index] as bigint));
  }

  #endOfPage(first: number, limit: number): number {
    let end = Math.min(first + limit, this.#times.length);
    while (end > first && end < this.#times.length && this.#times[end] === this.#times[end - 1]) end += 1;
    return end;
  }

  /** The first entry later than a time. */
  #after(time: bigint): number {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] as bigint) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function closing(next: string): string {
  return `],"next_starting_from":${JSON.stringify(next)}}`;
}

function lastNotAfter(pages: readonly Page[], index: number): number {
  let [low, high] = [0, pages.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pages[middle] as Page).first <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}
