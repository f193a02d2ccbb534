import { lineFeed } from '../../line-blocks.ts';

/** Cuts a content that comes in pieces into lines without their line breaks; holds the line that is begun. */
export class LineCutter {
  #begun: Buffer[] = [];

  /** The lines that end in this piece. */
  *take(piece: Buffer): Generator<Buffer> {
    let start = 0;
    for (let end = piece.indexOf(lineFeed); end !== -1; end = piece.indexOf(lineFeed, start)) {
      const rest = piece.subarray(start, end);
      yield this.#begun.length === 0 ? rest : Buffer.concat([...this.#begun, rest]);
      this.#begun = [];
      start = end + 1;
    }
    if (start < piece.length) this.#begun.push(piece.subarray(start));
  }

  /** What came after the last line break; undefined if nothing did. */
  rest(): Buffer | undefined {
    return this.#begun.length === 0 ? undefined : Buffer.concat(this.#begun);
  }
}
