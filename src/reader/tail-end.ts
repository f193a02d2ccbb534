/**
 * Where the tail was caught up, and when to ask what lies behind.
 *
 * A page that leads just there ends a sweep, with one request. A server whose pages always end there, short for whatever
 * reason, would hide what follows; so after some sweeps that ended so the next one looks behind that place instead, which
 * is one request, too, where nothing is there:
 *
 *     sweep, sweep, sweep, sweep, look from the place ┄▶ sweep, sweep, sweep, sweep, look from a step behind it ┄▶
 *
 * By turns, for nobody says whether a server includes the position that it is asked for. One that leaves it out
 * shows everything that follows at the place itself, and would hide what is one step further at the step; one that
 * includes it may show no more than the place's own entries there, and shows everything at the step. So either is found
 * within ten sweeps. A look leaves the overlap out: what comes late into it is found by the sweep that follows.
 */
import { parseTimestamp, type Nanos } from '../time.ts';
import { positionBehind } from './start-positions.ts';
import type { WalkResult } from './walk.ts';

export interface Place {
  /** As it is sent. */
  readonly text: string;
  readonly at: Nanos;
}

/** So many sweeps in a row may end without asking for what lies behind. */
const unaskedMax = 4;

export class TailEnd {
  #place: Place | undefined;
  #unasked = 0;
  #looks = 0;

  /** Undefined until a sweep was caught up. */
  get at(): Nanos | undefined {
    return this.#place?.at;
  }

  /** From where to look now; undefined where an ordinary sweep is due. */
  get look(): Place | undefined {
    if (this.#place === undefined || this.#unasked < unaskedMax) return undefined;
    return this.#looks % 2 === 0 ? this.#place : placeOf(positionBehind(this.#place.text));
  }

  /** A sweep got to its end. */
  swept(result: WalkResult): void {
    this.#place = placeOf(result.position);
    this.#unasked = result.outcome === 'known_end' ? this.#unasked + 1 : 0;
  }

  /** A look found nothing. */
  lookedInVain(): void {
    this.#unasked = 0;
    this.#looks += 1;
  }
}

function placeOf(position: string | undefined): Place | undefined {
  const at = position === undefined ? undefined : parseTimestamp(position);
  return position === undefined || at === undefined ? undefined : { text: position, at };
}
