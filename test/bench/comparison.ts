/** What somebody holds beside what there is. */
import type { HeldEntry } from './peers/peer.ts';

export interface Comparison {
  readonly expected: number;
  readonly held: number;
  /** Entries that are not held at all. */
  readonly lost: number;
  /** Held more often than once, each further time counted. */
  readonly doubled: number;
  /** Held under an id that no entry has. */
  readonly foreign: number;
  /** Held with another text; undefined where no text is held. */
  readonly altered: number | undefined;
}

/** `truth` has the exact text of every entry by its id. */
export async function compare(
  truth: ReadonlyMap<string, string>,
  entries: AsyncIterable<HeldEntry>,
): Promise<Comparison> {
  const seen = new Set<string>();
  let [held, foreign, altered, texts] = [0, 0, 0, 0];
  for await (const { id, text } of entries) {
    held += 1;
    const raw = truth.get(id);
    if (raw === undefined) foreign += 1;
    else seen.add(id);
    if (text === undefined) continue;
    texts += 1;
    if (text !== raw) altered += 1;
  }
  const lost = truth.size - seen.size;
  const doubled = held - foreign - seen.size;
  return { expected: truth.size, held, lost, doubled, foreign, altered: texts === 0 ? undefined : altered };
}
