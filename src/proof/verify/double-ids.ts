/**
 * Finds ids that occur twice among any number of entries, in bounded memory. Of each id the first 128 bits of its SHA-256
 * are kept with its sequence, 24 bytes. They are sorted into parts by the hash; while they are few they stay in memory,
 * beyond that the parts go to files, and in the end one part at a time is looked through.
 *
 * Two different ids with the same 128 bits would be reported as a double: with a billion ids that has a chance of one
 * in 10^21, and whoever wants to make such a pair has to try 2^64 ids.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExporterError } from '../../errors.ts';

export interface DoubleId {
  readonly firstSequence: number;
  readonly sequence: number;
}

export interface DoubleIdsOptions {
  /** How many bytes may stay in memory before files are used. Default 64 MiB: 2.8 million ids. */
  readonly memoryBytesMax?: number | undefined;
  /** Where files go. Default: the system's folder for temporary files. */
  readonly folder?: string;
}

const partCount = 256;
const hashBytes = 16;
const sequenceBytes = 8;
const itemBytes = hashBytes + sequenceBytes;
const chunkItems = 1024;
const memoryBytesDefault = 64 * 1024 * 1024;

interface Part {
  chunks: Buffer[];
  /** Bytes used of the last chunk. */
  used: number;
  file: FileHandle | undefined;
}

export class DoubleIds {
  readonly #options: DoubleIdsOptions;
  readonly #parts: Part[] = Array.from({ length: partCount }, () => ({
    chunks: [],
    used: 0,
    file: undefined,
  }));
  #memoryBytes = 0;
  #folder: string | undefined;
  #spilling: Promise<void> = Promise.resolve();

  constructor(options: DoubleIdsOptions = {}) {
    this.#options = options;
  }

  /** Whether files were needed. */
  get usesFiles(): boolean {
    return this.#folder !== undefined;
  }

  add(id: string, sequence: number): void {
    const hash = createHash('sha256').update(id).digest();
    const part = this.#parts[hash[0] ?? 0];
    if (part === undefined) return;
    let chunk = part.chunks.at(-1);
    if (chunk === undefined || part.used === chunk.length) {
      chunk = Buffer.allocUnsafeSlow(chunkItems * itemBytes);
      part.chunks.push(chunk);
      part.used = 0;
      this.#memoryBytes += chunk.length;
    }
    hash.copy(chunk, part.used, 0, hashBytes);
    chunk.writeDoubleBE(sequence, part.used + hashBytes);
    part.used += itemBytes;
  }

  /** To be awaited now and then between `add`s: it makes room where memory is full. Calls may overlap. */
  async settle(): Promise<void> {
    if (this.#memoryBytes <= (this.#options.memoryBytesMax ?? memoryBytesDefault))
      return await this.#spilling;
    this.#spilling = this.#spilling.then(() => this.#spill());
    return await this.#spilling;
  }

  /** Every repetition of an id, with the sequence where it stood first. To be called once, after the last `add`. */
  async *doubles(): AsyncGenerator<DoubleId> {
    await this.#spilling;
    if (this.usesFiles) await this.#spill();
    for (const [index, part] of this.#parts.entries()) {
      const items =
        this.#folder === undefined ? takeAll(part) : await readFile(join(this.#folder, partName(index)));
      yield* doublesIn(items);
    }
  }

  /** Removes what was written to files. Idempotent. */
  async close(): Promise<void> {
    await this.#spilling;
    for (const part of this.#parts) {
      await part.file?.close();
      part.file = undefined;
      part.chunks = [];
    }
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async #spill(): Promise<void> {
    try {
      this.#folder ??= await mkdtemp(join(this.#options.folder ?? tmpdir(), 'ccloud-audit-verify-'));
      for (const [index, part] of this.#parts.entries()) {
        part.file ??= await open(join(this.#folder, partName(index)), 'a', 0o600);
        this.#memoryBytes -= part.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        await part.file.appendFile(takeAll(part));
      }
    } catch (error) {
      throw new ExporterError(
        'The hashes of the ids, by which doubles are found, did not fit into the folder for temporary files (24 bytes for each entry). Set TMPDIR to a folder with room.',
        { kind: 'store', code: 'temporary_folder_unusable', retryable: false, cause: error },
      );
    }
  }
}

/** The items of a part, which is empty afterwards. */
function takeAll(part: Part): Buffer {
  const { chunks, used } = part;
  part.chunks = [];
  part.used = 0;
  return Buffer.concat(
    chunks.map((chunk, index) => (index === chunks.length - 1 ? chunk.subarray(0, used) : chunk)),
  );
}

function* doublesIn(items: Buffer): Generator<DoubleId> {
  const seen = new Map<string, number>();
  for (let at = 0; at < items.length; at += itemBytes) {
    const hash = items.toString('latin1', at, at + hashBytes);
    const sequence = items.readDoubleBE(at + hashBytes);
    const before = seen.get(hash);
    if (before === undefined) seen.set(hash, sequence);
    else yield { firstSequence: Math.min(before, sequence), sequence: Math.max(before, sequence) };
  }
}

function partName(index: number): string {
  return index.toString(16).padStart(2, '0');
}
