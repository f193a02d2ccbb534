import { UsageError } from '../errors.ts';
import { createRandom, hashText, mix, type Random } from './random.ts';
import { trapTable, type TrapName } from './trap-table.ts';

export type { TrapName } from './trap-table.ts';

/** Every trap and what it does, in the order of the help text. */
export const trapNames: Readonly<Record<TrapName, string>> = Object.fromEntries(
  Object.entries(trapTable).map(([name, [, does]]) => [name, does]),
) as Record<TrapName, string>;

/** How often a trap fires: with a probability, on every nth occasion, or on the first few. */
export type TrapRate =
  | { readonly kind: 'probability'; readonly probability: number }
  | { readonly kind: 'every'; readonly nth: number }
  | { readonly kind: 'first'; readonly times: number };

export interface TrapSetting {
  readonly name: TrapName;
  readonly rate: TrapRate;
}

/**
 * Reads `name`, `name=0.05` (with that probability), `name=1/7` (every seventh time) and `name=x2` (the first two
 * times). Throws a UsageError for anything else, and says which name may have been meant.
 */
export function parseTrap(text: string): TrapSetting {
  const [name = '', rate] = text.split('=', 2);
  if (!isTrapName(name)) {
    const near = nearest(name);
    throw new UsageError(
      `There is no trap "${name}"${near === undefined ? '.' : `; did you mean "${near}"?`}` +
        ' `ccloud-audit sandbox --trap help` lists them.',
      { code: 'unknown_trap' },
    );
  }
  return { name, rate: parseRate(name, rate) };
}

/** The traps in force; each has a stream of chance of its own, so that one does not change when another fires. */
export class Traps {
  readonly #seed: number;
  #active = new Map<TrapName, { readonly rate: TrapRate; readonly random: Random; asked: number }>();
  readonly #fixed: Set<TrapName> = new Set();

  constructor(seed: number, settings: readonly string[]) {
    this.#seed = seed;
    this.set(settings, false);
    for (const name of this.#active.keys()) if (isFixed(name)) this.#fixed.add(name);
  }

  /** Replaces the traps in force. Those that shape the history stay what they were at the start. */
  set(settings: readonly string[], isStarted = true): void {
    const parsed = settings.map((text) => parseTrap(text));
    for (const { name } of parsed) {
      if (isStarted && isFixed(name) && !this.#fixed.has(name)) {
        throw new UsageError(`The trap "${name}" shapes the history and can only be set at the start.`);
      }
    }
    const kept = [...this.#fixed].filter((name) => !parsed.some((setting) => setting.name === name));
    const all = [...parsed, ...kept.map((name) => parseTrap(name))];
    this.#active = new Map(
      all.map(({ name, rate }) => [
        name,
        { rate, random: createRandom(mix(this.#seed, hashText(name))), asked: 0 },
      ]),
    );
  }

  get names(): readonly TrapName[] {
    return [...this.#active.keys()];
  }

  /** Whether the trap is in force at all, whatever its rate. */
  has(name: TrapName): boolean {
    return this.#active.has(name);
  }

  /** Whether the trap goes off on this occasion. */
  fires(name: TrapName): boolean {
    const trap = this.#active.get(name);
    if (trap === undefined) return false;
    trap.asked += 1;
    switch (trap.rate.kind) {
      case 'probability':
        return trap.random.next() < trap.rate.probability;
      case 'every':
        return trap.asked % trap.rate.nth === 0;
      case 'first':
        return trap.asked <= trap.rate.times;
      default:
        return trap.rate satisfies never;
    }
  }

  /** The probability in force for choices that are made per entry instead of per request; `usual` without one. */
  share(name: TrapName, usual: number): number {
    const rate = this.#active.get(name)?.rate;
    return rate?.kind === 'probability' && rate.probability < 1 ? rate.probability : usual;
  }
}

function isTrapName(name: string): name is TrapName {
  return Object.hasOwn(trapTable, name);
}

/** Whether a trap shapes the history itself. */
function isFixed(name: TrapName): boolean {
  return trapTable[name][0] === 'history';
}

function usualRate(name: TrapName): number {
  const [rate] = trapTable[name];
  return typeof rate === 'number' ? rate : 1;
}

function parseRate(name: TrapName, text: string | undefined): TrapRate {
  if (text === undefined) return { kind: 'probability', probability: usualRate(name) };
  const every = /^1\/([1-9]\d{0,5})$/.exec(text)?.[1];
  if (every !== undefined) return { kind: 'every', nth: Number(every) };
  const first = /^x(\d{1,6})$/.exec(text)?.[1];
  if (first !== undefined) return { kind: 'first', times: Number(first) };
  const probability = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(probability >= 0 && probability <= 1)) {
    throw new UsageError(
      `The trap "${name}" takes a probability (${name}=0.05), every nth time (${name}=1/7) or the first times ` +
        `(${name}=x2), not "${text}".`,
      { code: 'bad_trap_rate' },
    );
  }
  return { kind: 'probability', probability };
}

function nearest(name: string): TrapName | undefined {
  const known = Object.keys(trapTable) as TrapName[];
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .toSorted((left, right) => left.distance - right.distance);
  return best !== undefined && best.distance <= Math.max(2, name.length / 2) ? best.candidate : undefined;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let line = 0; line < left.length; line += 1) {
    const next = [line + 1];
    for (let column = 0; column < right.length; column += 1) {
      const changed = (row[column] as number) + (left[line] === right[column] ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] as number) + 1, (next[column] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}
