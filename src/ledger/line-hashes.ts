/** Hashes of many lines side by side in one piece of memory: a small buffer of its own for each costs ten times its bytes. */
export class LineHashes {
  readonly #bytes: Buffer;

  constructor(count: number) {
    this.#bytes = Buffer.allocUnsafeSlow(count * hashBytes);
  }

  /** Where the hash of a line belongs, and stands: a view, made for the moment. Who keeps a line keeps its index. */
  at(index: number): Buffer {
    return this.#bytes.subarray(index * hashBytes, (index + 1) * hashBytes);
  }

  set(index: number, sha256: Buffer): void {
    this.#bytes.set(sha256, index * hashBytes);
  }
}

const hashBytes = 32;
