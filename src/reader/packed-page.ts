/**
 * A page that waits for its turn, at about a quarter of its size. What is packed never leaves this process, so the quickest
 * way that zlib has is taken, on its own threads.
 */
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { LineHashes } from '../ledger/line-hashes.ts';
import { lineFeed, lineTexts } from '../line-blocks.ts';
import type { Nanos } from '../time.ts';
import type { WalkedPage } from './append-group.ts';
import { keptEntry } from './page-entries.ts';

export interface PackedPage {
  /** What it takes while it waits. */
  readonly bytes: number;
  readonly entries: number;
  readonly unpack: () => Promise<WalkedPage>;
}

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

export async function packPage(page: WalkedPage): Promise<PackedPage> {
  const { checkpoint, serverDate } = page;
  const count = page.entries.length;
  const times: Nanos[] = page.entries.map(({ createdAt }) => createdAt);
  const ownTimes = page.entries.map(({ hasOwnTime }) => hasOwnTime);
  const hashes = new LineHashes(count);
  for (const [index, entry] of page.entries.entries()) hashes.take(index, entry);
  const packed = await compress(joinLines(page), {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 1,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    },
  });
  return {
    // Beside the text: hash and time of each entry.
    bytes: packed.length + count * bytesBeside,
    entries: count,
    unpack: async () => {
      const lines = splitLines(await decompress(packed), count * 2);
      const entries = times.map((createdAt, index) =>
        keptEntry({
          key: lines[index]?.toString('latin1') ?? '',
          raw: lines[count + index] ?? Buffer.alloc(0),
          createdAt,
          hasOwnTime: ownTimes[index] ?? false,
          hashes,
          index,
        }),
      );
      return { entries, checkpoint, serverDate };
    },
  };
}

const bytesBeside = 80;

/** The same for a page that is not worth it. */
export function unpackedPage(page: WalkedPage): PackedPage {
  return { ...sizeOf(page.entries), unpack: async () => page };
}

export interface HeldSize {
  bytes: number;
  entries: number;
}

export function sizeOf(entries: readonly { readonly raw: Buffer }[]): HeldSize {
  return { bytes: entries.reduce((sum, { raw }) => sum + raw.length, 0), entries: entries.length };
}

/** The keys, and then the texts, side by side as in a page; neither has a line break in it. */
function joinLines({ entries }: WalkedPage): Buffer {
  const keys = Buffer.from(entries.map(({ key }) => `${key}\n`).join(''), 'latin1');
  return Buffer.concat([keys, ...lineTexts(entries)]);
}

function splitLines(text: Buffer, count: number): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let index = 0; index < count; index += 1) {
    const to = text.indexOf(lineFeed, from);
    lines.push(text.subarray(from, to));
    from = to + 1;
  }
  return lines;
}
