/**
 * The text of lines: each line with its line feed, in blocks. What was read or appended together mostly lies in one piece of
 * memory already, line feed for line feed: that is not copied.
 */

interface Line {
  readonly raw: Buffer;
}

const blockBytes = 1024 * 1024;
/** Whatever lies together is longer, so that only a little is copied behind a line that lies elsewhere. */
const togetherBytesMin = 64 * 1024;
export const lineFeed = 0x0a;

export interface LineBlock {
  readonly text: Buffer;
  /** Its lines' places: from one up to, not with, another. */
  readonly from: number;
  readonly to: number;
}

/** Blocks of about a mebibyte, or of what lies together, that end at a line's end. */
export function* lineBlocks(lines: readonly Line[]): Generator<LineBlock> {
  for (let from = 0; from < lines.length;) {
    const together = togetherFrom(lines, from, lines.length, blockBytes);
    if (together.bytes >= togetherBytesMin || together.to === lines.length) {
      yield { text: together.text, from, to: together.to };
      from = together.to;
      continue;
    }
    let to = from;
    for (let bytes = 0; to < lines.length && bytes < togetherBytesMin; to += 1)
      bytes += (lines[to] as Line).raw.length + 1;
    yield { text: copyOfLines(lines, from, to), from, to };
    from = to;
  }
}

/** The same, text alone. */
export function* lineTexts(lines: readonly Line[]): Generator<Buffer> {
  for (const { text } of lineBlocks(lines)) yield text;
}

/** The text of the lines from one place up to, not with, another: as it lies there, or a copy. */
export function textOfLines(lines: readonly Line[], from: number, to: number): Buffer {
  const together = togetherFrom(lines, from, to, Number.POSITIVE_INFINITY);
  return together.to === to ? together.text : copyOfLines(lines, from, to);
}

/**
 * Lines up to `end` that lie side by side in memory, with their line feeds, until they are `bytesMax` or more. None where they
 * lie in Node's pool: what stands behind a line there is somebody else's, and may be another byte in a moment.
 */
function togetherFrom(
  lines: readonly Line[],
  from: number,
  end: number,
  bytesMax: number,
): { readonly to: number; readonly bytes: number; readonly text: Buffer } {
  const first = lines[from]?.raw ?? Buffer.alloc(0);
  const memory = first.buffer;
  const start = first.byteOffset;
  const room = Buffer.from(memory, start);
  const last = memory.byteLength > Buffer.poolSize ? end : from;
  let bytes = 0;
  let to = from;
  for (; to < last && bytes < bytesMax; to += 1) {
    const { raw } = lines[to] as Line;
    const next = bytes + raw.length;
    if (raw.byteOffset !== start + bytes || raw.buffer !== memory || room[next] !== lineFeed) break;
    bytes = next + 1;
  }
  return { to, bytes, text: room.subarray(0, bytes) };
}

/** The text of the lines from one place up to, not with, another, in memory of its own: not in a pool, where it would hold on to its neighbours. */
export function copyOfLines(lines: readonly Line[], from: number, to: number): Buffer {
  let bytes = 0;
  for (let index = from; index < to; index += 1) bytes += (lines[index] as Line).raw.length + 1;
  const text = Buffer.allocUnsafeSlow(bytes);
  let end = 0;
  for (let index = from; index < to; index += 1) {
    const { raw } = lines[index] as Line;
    text.set(raw, end);
    end += raw.length;
    text[end] = lineFeed;
    end += 1;
  }
  return text;
}
