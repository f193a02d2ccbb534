import type { SortOrder } from './sort-order.ts';
import { parseTimestamp, type Nanos } from '../time.ts';
import { HistoryText } from './history-text.ts';
import type { EntryWriter, PayloadForm } from './entry-writer.ts';
import { mix } from './random.ts';

/** One entry as a checker wants to see it. */
export interface TruthEntry {
  readonly id: string;
  /** Nanoseconds since 1970. */
  readonly createdAt: bigint;
  /** The entry's exact text. */
  readonly raw: Buffer;
  /** It appeared after entries with a later `createdAt` had been there. */
  readonly late?: boolean;
}

/** An entry's place in the log: a number in the seeded history, or an entry that was added. */
export interface Place {
  readonly createdAt: bigint;
  readonly index: number;
  readonly added?: AddedEntry;
}

export interface AddedEntry {
  readonly id: string;
  readonly createdAt: bigint;
  readonly isLate: boolean;
  text(form: PayloadForm): Buffer;
}

export interface Stretch {
  readonly places: readonly Place[];
  /** Whether there is nothing further in the direction that was read. */
  readonly isEnd: boolean;
}

export interface StretchRequest {
  /** Undefined: from the first entry (ASC) or from the newest (DESC). */
  readonly from: bigint | undefined;
  readonly isInclusive: boolean;
  readonly order: SortOrder;
  readonly limit: number;
}

/**
 * The log of one organization: a seeded history, of which only the times are kept and the texts are written when they
 * are needed, and the entries added since, in one order by time.
 *
 *     history  ──times (8 bytes an entry)──┐
 *                                          ├─ merged by created_at ─▶ stretch of places ─▶ texts
 *     added    ──sorted list───────────────┘
 */
export class AuditLog {
  readonly #times: BigInt64Array;
  readonly #texts: HistoryText;
  readonly #writer: EntryWriter;
  readonly #added: AddedEntry[] = [];
  readonly #addedById = new Map<string, AddedEntry>();
  readonly #changed = new Map<string, Buffer>();
  #nextIndex: number;
  #withheld: ((index: number) => boolean) | undefined;
  /** The same test after the entries were revealed: they stay late. */
  #withheldOnce: ((index: number) => boolean) | undefined;

  constructor(times: BigInt64Array, writer: EntryWriter, cacheBytes: number) {
    this.#times = times;
    this.#writer = writer;
    this.#texts = new HistoryText(times, writer, cacheBytes);
    this.#nextIndex = times.length;
  }

  get size(): number {
    return this.#times.length + this.#added.length;
  }

  /** `created_at` of the newest entry; undefined in an empty log. */
  get newest(): bigint | undefined {
    const history = this.#times.at(-1);
    const added = this.#added.at(-1)?.createdAt;
    if (history === undefined || added === undefined) return history ?? added;
    return history > added ? history : added;
  }

  /** Whole groups of entries with one `created_at` until `limit` is reached. */
  read(request: StretchRequest): Stretch {
    const step = request.order === 'ASC' ? 1 : -1;
    let { history, added } = this.#start(request);
    const places: Place[] = [];
    for (;;) {
      history = this.#skipWithheld(history, step);
      const place = this.#nearer(history, added, request.order);
      if (place === undefined) return { places, isEnd: true };
      if (places.length >= request.limit && place.createdAt !== places.at(-1)?.createdAt) {
        return { places, isEnd: false };
      }
      places.push(place);
      if (place.added === undefined) history += step;
      else added += step;
    }
  }

  text(place: Place, form: PayloadForm): Buffer {
    const changed = this.#changed.size === 0 ? undefined : this.#changed.get(this.#id(place));
    return changed ?? place.added?.text(form) ?? this.#texts.text(place.index, form);
  }

  /** Adds an entry written by the generator, or with the text that is given. */
  add(createdAt: bigint, text?: { readonly id: string; readonly raw: Buffer }): TruthEntry {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    const newest = this.newest;
    const entry: AddedEntry = {
      id: text?.id ?? this.#writer.id(index),
      createdAt,
      isLate: newest !== undefined && createdAt < newest,
      text: (form) => text?.raw ?? Buffer.from(this.#writer.write(index, createdAt as Nanos, form)),
    };
    const place = this.#bound(
      this.#added.length,
      (at) => (this.#added[at] as AddedEntry).createdAt <= createdAt,
    );
    this.#added.splice(place, 0, entry);
    this.#addedById.set(entry.id, entry);
    return this.#truth({ createdAt, index, added: entry }, 'natural');
  }

  /** An entry written by the generator, with some members replaced. */
  addWith(createdAt: bigint, fields: Readonly<Record<string, unknown>>): TruthEntry {
    // Every sixteenth number has an oddity, which parsing would lose.
    const plain = this.#nextIndex % 16 === 0 ? this.#nextIndex + 1 : this.#nextIndex;
    const text = this.#writer.write(plain, createdAt as Nanos, 'string');
    const written = JSON.parse(text) as Record<string, unknown>;
    const id = this.#writer.id(this.#nextIndex);
    const all: Readonly<Record<string, unknown>> = { ...written, id, ...fields };
    return this.add(createdAt, {
      id: typeof all['id'] === 'string' ? all['id'] : id,
      raw: Buffer.from(JSON.stringify(all)),
    });
  }

  /** The time of an entry that is added now: later than every other entry, as a log's own clock would give it. */
  timeForNew(now: bigint): bigint {
    const { newest } = this;
    return newest === undefined || newest < now ? now : newest + 1_000n;
  }

  /** Writes the whole history now. */
  prebuild(form: PayloadForm): void {
    this.#texts.prebuild(form);
  }

  /** Gives an entry other content; false where no entry has the id. */
  change(id: string, mutate: (raw: string) => string): boolean {
    const place = this.#find(id);
    if (place === undefined) return false;
    this.#changed.set(id, Buffer.from(mutate(this.text(place, 'natural').toString())));
    return true;
  }

  /** Hides a share of the entries of the history's last part until `reveal`, when they turn up late. */
  withhold(after: bigint, before: bigint, share: number): void {
    const newest = this.#times.at(-1) ?? 0n;
    this.#withheld = (index) =>
      // The newest entry stays, so that what is held back is late by every measure.
      (this.#times[index] as bigint) < newest &&
      (this.#times[index] as bigint) >= after &&
      (this.#times[index] as bigint) < before &&
      mix(index, 0x1a7e) / 0x1_0000_0000 < share;
    this.#withheldOnce = this.#withheld;
  }

  reveal(): void {
    this.#withheld = undefined;
  }

  get isWithholding(): boolean {
    return this.#withheld !== undefined;
  }

  /** Every entry in order of time, the withheld ones included and marked as late. */
  *truth(form: PayloadForm): Generator<TruthEntry> {
    let history = 0;
    let added = 0;
    for (;;) {
      const place = this.#nearer(history, added, 'ASC');
      if (place === undefined) return;
      yield this.#truth(place, form);
      if (place.added === undefined) history += 1;
      else added += 1;
    }
  }

  #truth(place: Place, form: PayloadForm): TruthEntry {
    const isLate =
      place.added === undefined ? this.#withheldOnce?.(place.index) === true : place.added.isLate;
    return {
      id: this.#id(place),
      createdAt: place.createdAt,
      raw: this.text(place, form),
      ...(isLate ? { late: true } : {}),
    };
  }

  #id(place: Place): string {
    return place.added?.id ?? this.#writer.id(place.index);
  }

  #find(id: string): Place | undefined {
    const added = this.#addedById.get(id);
    if (added !== undefined) return { createdAt: added.createdAt, index: -1, added };
    const index = this.#writer.indexOf(id);
    const createdAt = index === undefined ? undefined : this.#times[index];
    return index === undefined || createdAt === undefined ? undefined : { createdAt, index };
  }

  /** Where reading begins in each of the two lists. */
  #start({ from, isInclusive, order }: StretchRequest): { history: number; added: number } {
    const isAscending = order === 'ASC';
    if (from === undefined) {
      return isAscending
        ? { history: 0, added: 0 }
        : { history: this.#times.length - 1, added: this.#added.length - 1 };
    }
    // Entries before the bound are those that come before the position, itself included or not.
    const isBefore = (time: bigint): boolean => (isAscending === isInclusive ? time < from : time <= from);
    const history = this.#bound(this.#times.length, (at) => isBefore(this.#times[at] as bigint));
    const added = this.#bound(this.#added.length, (at) =>
      isBefore((this.#added[at] as AddedEntry).createdAt),
    );
    return isAscending ? { history, added } : { history: history - 1, added: added - 1 };
  }

  #nearer(history: number, added: number, order: SortOrder): Place | undefined {
    const createdAt = this.#times[history];
    const entry = this.#added[added];
    if (createdAt === undefined && entry === undefined) return undefined;
    const isHistory =
      entry === undefined ||
      (createdAt !== undefined &&
        (order === 'ASC' ? createdAt <= entry.createdAt : createdAt > entry.createdAt));
    if (isHistory) return { createdAt: createdAt as bigint, index: history };
    return { createdAt: entry.createdAt, index: -1, added: entry };
  }

  #skipWithheld(index: number, step: number): number {
    let place = index;
    while (this.#withheld !== undefined && this.#times[place] !== undefined && this.#withheld(place))
      place += step;
    return place;
  }

  /** The first place for which the test does not hold; it holds for a beginning of the list. */
  #bound(length: number, test: (place: number) => boolean): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (test(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The id and time that a text given by a test has, where it has them. */
export function describeRaw(raw: Buffer): { readonly id: string; readonly createdAt: bigint | undefined } {
  const fields: unknown = JSON.parse(raw.toString());
  const id = typeof fields === 'object' && fields !== null && 'id' in fields ? fields.id : undefined;
  const time =
    typeof fields === 'object' && fields !== null && 'created_at' in fields ? fields.created_at : undefined;
  return {
    id: typeof id === 'string' ? id : '',
    createdAt: typeof time === 'string' ? parseTimestamp(time) : undefined,
  };
}
