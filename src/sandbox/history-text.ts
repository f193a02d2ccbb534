import type { Nanos } from '../time.ts';
import type { EntryWriter, PayloadForm } from './entry-writer.ts';

const blockSize = 512;

interface Block {
  readonly bytes: Buffer;
  readonly ends: Uint32Array;
}

/**
 * The texts of the history, written in blocks when one of them is asked for. A block is always the same bytes, so it
 * can be dropped and written again: a million entries need no more memory than the cache may have.
 */
export class HistoryText {
  readonly #times: BigInt64Array;
  readonly #writer: EntryWriter;
  readonly #bytesMax: number;
  readonly #blocks = new Map<string, Block>();
  #bytes = 0;

  constructor(times: BigInt64Array, writer: EntryWriter, bytesMax: number) {
    this.#times = times;
    this.#writer = writer;
    this.#bytesMax = bytesMax;
  }

  text(index: number, form: PayloadForm): Buffer {
    const number = Math.floor(index / blockSize);
    const block = this.#block(number, form);
    const place = index - number * blockSize;
    return block.bytes.subarray(place === 0 ? 0 : block.ends[place - 1], block.ends[place]);
  }

  prebuild(form: PayloadForm): void {
    for (let index = 0; index < this.#times.length; index += blockSize) this.#block(index / blockSize, form);
  }

  #block(number: number, form: PayloadForm): Block {
    const key = `${form} ${number}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    const block = this.#write(number, form);
    this.#blocks.set(key, block);
    this.#bytes += block.bytes.length;
    for (const [oldest, { bytes }] of this.#blocks) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break;
      this.#blocks.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return block;
  }

  #write(number: number, form: PayloadForm): Block {
    const first = number * blockSize;
    const count = Math.min(blockSize, this.#times.length - first);
    const texts: Buffer[] = [];
    const ends = new Uint32Array(count);
    let end = 0;
    for (let place = 0; place < count; place += 1) {
      const index = first + place;
      const text = Buffer.from(this.#writer.write(index, this.#times[index] as Nanos, form));
      end += text.length;
      ends[place] = end;
      texts.push(text);
    }
    return { bytes: Buffer.concat(texts, end), ends };
  }
}
