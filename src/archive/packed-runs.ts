/** Lines of an object that are packed already, those that are not, and packing these. */
import { constants } from 'node:zlib';
import type { SinkEntry } from '../../sinks/sink.ts';
import { deflatePiece, type PackedLines } from '../gzip-pieces.ts';
import { lineBlocks } from '../line-blocks.ts';

/** Entries in a row that are one packed piece, or are to be packed. */
export interface Run<Entry> {
  readonly entries: readonly Entry[];
  readonly packed: PackedLines | undefined;
}

type PackableEntry = Pick<SinkEntry, 'sequence' | 'raw' | 'rawBytes'>;

/**
 * Where `packed`, which are in order, hold just some of the entries. The text of those that they hold is not looked at. What is
 * not wholly theirs, or has another length than their lines, is left out.
 */
export function runsOf<Entry extends PackableEntry>(
  entries: readonly Entry[],
  packed: readonly PackedLines[],
): Run<Entry>[] {
  const runs: Run<Entry>[] = [];
  const first = entries[0]?.sequence ?? 0;
  let end = 0;
  for (const piece of packed) {
    const from = piece.firstSequence - first;
    const to = from + piece.entries;
    // Sequences without gaps: where both ends stand in their places, so does what lies between.
    const isWithin =
      entries[from]?.sequence === piece.firstSequence && entries[to - 1]?.sequence === first + to - 1;
    if (from < end || !isWithin) continue;
    const held = entries.slice(from, to);
    if (held.reduce((sum, { rawBytes }) => sum + rawBytes + 1, 0) !== piece.bytes) continue;
    if (from > end) runs.push({ entries: entries.slice(end, from), packed: undefined });
    runs.push({ entries: held, packed: piece });
    end = to;
  }
  if (end < entries.length) runs.push({ entries: entries.slice(end), packed: undefined });
  return runs;
}

/** All lines as pieces, in order: those that are packed as they are, the others packed now, off the main thread. */
export async function packRuns(
  runs: readonly Run<PackableEntry>[],
  options: { readonly signal: AbortSignal },
): Promise<PackedLines[]> {
  const pieces: PackedLines[] = [];
  for (const { entries, packed } of runs) {
    if (packed !== undefined) {
      pieces.push(packed);
      continue;
    }
    for (const { text, from, to } of lineBlocks(entries)) {
      options.signal.throwIfAborted();
      const piece = await deflatePiece(text, constants.Z_DEFAULT_COMPRESSION);
      pieces.push({ ...piece, firstSequence: entries[from]?.sequence ?? 0, entries: to - from });
    }
  }
  return pieces;
}
