/**
 * Where an idle reader cuts a part of a stretch in two. How many pages lie in a span is only guessed from pages read before,
 * by two measures: what a page takes typically, over the last few dozen wherever they were read, and what the latest page of
 * this very part took. The typical one carries over a history's bursts and pauses; the latest one tells that a reader is
 * in something far denser than was thought. Every cut costs about half a request, since pages don't end where parts do.
 */
import { microsecond, minNanos, nanos, type Nanos } from '../time.ts';

export interface Cuttable {
  /** The position last asked for, or the furthest that is known to be read or empty; the right part begins behind it. */
  readonly asked: Nanos;
  readonly end: Nanos;
  /** How much time the latest page took, in nanoseconds; undefined before the first. */
  readonly pageSpan: number | undefined;
  /** Pages read in this part so far. */
  readonly pages: number;
  /** As many pages were thought to lie in it; undefined where nobody guessed. */
  readonly planned: number | undefined;
}

export interface CutMeasures {
  /** In nanoseconds; undefined before the first page. */
  readonly typicalSpan: number | undefined;
  /** How long a part may be: what it reads is held until its turn. */
  readonly pagesAhead: number;
  /** Where the log seems to end: nothing is cut behind it. Undefined: not seen yet. */
  readonly logEnd?: Nanos | undefined;
}

export interface Cut<Part> {
  readonly part: Part;
  readonly at: Nanos;
  /** Pages that the left part is thought to have still. */
  readonly pages: number;
}

/** With less than this left a cut isn't worth its half request. */
const pagesWorthCutting = 3;

/**
 * From the left, the first that applies: a part that is longer than was thought; one that is typically long; one that is
 * long if it goes on like its latest page; one that has some pages left, in the middle.
 */
export function chooseCut<Part extends Cuttable>(
  parts: readonly Part[],
  { typicalSpan, pagesAhead, logEnd }: CutMeasures,
): Cut<Part> | undefined {
  const sizes = { pagesAhead, logEnd };
  const longer = parts.filter(({ pages, planned }) => planned !== undefined && pages >= planned);
  return (
    firstCut(longer, ({ pageSpan }) => pageSpan, { ...sizes, least: pagesAhead }) ??
    firstCut(parts, () => typicalSpan, { ...sizes, least: pagesAhead * 1.5 }) ??
    firstCut(parts, ({ pageSpan }) => pageSpan, { ...sizes, least: pagesAhead * 1.5 }) ??
    firstCut(
      parts.filter(({ pages }) => pages > 0),
      ({ pageSpan }) => pageSpan,
      { ...sizes, least: pagesWorthCutting },
    )
  );
}

function firstCut<Part extends Cuttable>(
  parts: readonly Part[],
  spanOf: (part: Part) => number | undefined,
  {
    pagesAhead,
    least,
    logEnd,
  }: { readonly pagesAhead: number; readonly least: number; readonly logEnd: Nanos | undefined },
): Cut<Part> | undefined {
  for (const part of parts) {
    const span = spanOf(part);
    const { asked } = part;
    const end = logEnd === undefined ? part.end : minNanos(logEnd, part.end);
    if (span === undefined || Number(end - asked) < span * least) continue;
    const at = splitPoint({ asked, end }, { span, pagesAhead });
    if (at !== undefined) return { part, at, pages: Number(at - part.asked) / span };
  }
  return undefined;
}

/** `pagesAhead` pages ahead of the reader, in the middle of what is left at most; undefined where there is no room. */
function splitPoint(
  { asked, end }: Pick<Cuttable, 'asked' | 'end'>,
  { span, pagesAhead }: { readonly span: number; readonly pagesAhead: number },
): Nanos | undefined {
  const step = BigInt(Math.floor(Math.min(span * pagesAhead, Number(end - asked) / 2)));
  const at = nanos(((asked + step) / microsecond) * microsecond);
  return at > asked + microsecond && at < end ? at : undefined;
}

/** Some three dozen pages count: longer than a burst, shorter than a history that changes its ways. */
const weightKept = 0.97;

/** What a page takes typically: all time that was read over all pages, the older the less. */
export class TypicalSpan {
  #span = 0;
  #pages = 0;

  add(span: number): void {
    this.#span = this.#span * weightKept + span;
    this.#pages = this.#pages * weightKept + 1;
  }

  get value(): number | undefined {
    return this.#pages === 0 ? undefined : this.#span / this.#pages;
  }
}
