/**
 * Where an idle reader cuts a part of a stretch in two. How many pages lie in a span is known only from the pages before
 * it, so a part is cut a few pages ahead of its reader and not in the middle of its time: a history's quiet years are
 * jumped over, and its dense days are cut again when a reader gets there.
 */
import { microsecond, nanos, type Nanos } from '../time.ts';

export interface Cuttable {
  /** The position last asked for; the right part begins behind it. */
  readonly asked: Nanos;
  readonly end: Nanos;
  /** How much time a page takes lately, in nanoseconds; undefined before the first page. */
  readonly pageSpan: number | undefined;
}

/** A cut costs about half a request, since pages don't end where parts do: with less than this left it isn't worth it. */
const pagesWorthCutting = 3;

/** `pagesAhead` pages ahead of the reader, in the middle of what is left at most; undefined where it isn't worth it. */
export function splitPoint(part: Cuttable, pagesAhead: number): Nanos | undefined {
  if (part.pageSpan === undefined) return undefined;
  const left = Number(part.end - part.asked);
  if (left < part.pageSpan * pagesWorthCutting) return undefined;
  const step = BigInt(Math.floor(Math.min(part.pageSpan * pagesAhead, left / 2)));
  const at = nanos(((part.asked + step) / microsecond) * microsecond);
  return at > part.asked + microsecond && at < part.end ? at : undefined;
}

/** One page may be a gap or a burst; a few together tell what comes. */
const weightOfLast = 0.3;

export function averageSpan(before: number | undefined, span: number): number {
  return before === undefined ? span : before + weightOfLast * (span - before);
}
