/**
 * Hashes of many lines side by side in one piece of memory: a small buffer of its own for each costs ten times its bytes. Who
 * keeps a line keeps its index.
 */
export class LineHashes {
  readonly #bytes: Buffer;

  constructor(count: number) {
    this.#bytes = Buffer.allocUnsafeSlow(count * hashBytes);
  }

  /** The hash of a line: a view, made for the moment. */
  at(index: number): Buffer {
    return this.#bytes.subarray(index * hashBytes, (index + 1) * hashBytes);
  }

  set(index: number, sha256: Buffer): void {
    this.#bytes.set(sha256, index * hashBytes);
  }

  /** The same from a string of a character for each byte, as `hash` of node:crypto makes it quickest. */
  setText(index: number, sha256: string): void {
    this.#bytes.write(sha256, index * hashBytes, 'latin1');
  }

  /** The same from a line that has it elsewhere. */
  take(index: number, line: { writeLineSha256(into: Uint8Array, place: number): void }): void {
    line.writeLineSha256(this.#bytes, index * hashBytes);
  }

  /** Writes the hash of a line elsewhere, without a view of it. */
  copy(index: number, into: Uint8Array, place: number): void {
    const from = index * hashBytes;
    for (let byte = 0; byte < hashBytes; byte += 1) into[place + byte] = this.#bytes[from + byte] as number;
  }
}

export const hashBytes = 32;
