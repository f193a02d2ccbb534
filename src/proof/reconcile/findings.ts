/**
 * What a comparison of the ledger with the API and with the sinks can find. Counts are exact; of the entries themselves
 * only the first are listed, because everything may be missing.
 */
import type { Nanos } from '../../time.ts';

/**
 * `missing`: the API has it, the ledger does not, in time that was read. `extra`: the ledger has it, the API does not.
 * `changed`: both have it, with other content, and that content is not kept yet. `unread`: the API has it in time that nobody
 * asked to be read.
 */
export const findingKinds = ['missing', 'extra', 'changed', 'unread'] as const;
export type FindingKind = (typeof findingKinds)[number];

/**
 * What is told and is no difference. `drifted`: other bytes, the same content. `recorded`: other content that the ledger has
 * kept in `changes` already. `expired`: older than the oldest entry that the API still has.
 */
export const remarkKinds = ['drifted', 'recorded', 'expired'] as const;
export type RemarkKind = (typeof remarkKinds)[number];

export interface FoundEntry {
  /** The API's id; the ledger's key where the text is not at hand. */
  readonly id: string;
  readonly createdAt: Nanos;
  /** Undefined where the ledger does not have it. */
  readonly sequence: number | undefined;
}

export interface Finding {
  readonly count: number;
  /** The first of them. */
  readonly entries: readonly FoundEntry[];
}

/** How many entries of a kind are listed. */
export const listedMax = 100;
/** How many keys of a kind are remembered, to be looked at once more in the end. */
const rememberedMax = 20_000;

/** Collects one kind; an entry can be taken back as long as it is remembered. */
export class Collected {
  readonly #entries = new Map<string, FoundEntry>();
  #count = 0;

  add(key: string, entry: FoundEntry): void {
    if (this.#entries.has(key)) return;
    this.#count += 1;
    if (this.#entries.size < rememberedMax) this.#entries.set(key, entry);
  }

  /** It was found to be all right after all. */
  takeBack(key: string): void {
    if (this.#entries.delete(key)) this.#count -= 1;
  }

  get count(): number {
    return this.#count;
  }

  keys(): string[] {
    return [...this.#entries.keys()];
  }

  finding(): Finding {
    return { count: this.#count, entries: [...this.#entries.values()].slice(0, listedMax) };
  }
}
