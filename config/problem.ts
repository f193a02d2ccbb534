/** A complaint about the configuration, and all of them as one error. */
import { distance } from 'fastest-levenshtein';
import { UsageError } from '../src/errors.ts';

export type KeyPath = readonly (string | number)[];

export interface Problem {
  readonly path: KeyPath;
  /** The rest of a sentence that begins with the path. Never holds a secret. */
  readonly message: string;
}

/** `sinks[1].bucket`. */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** Keeps the first complaint about each place: a later stage only sees what an earlier one left behind. */
export function firstPerPlace(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path }) => {
    const place = formatPath(path);
    if (seen.has(place)) return false;
    seen.add(place);
    return true;
  });
}

export interface ProblemSource {
  /** The file; undefined when only the environment was read. */
  readonly file: string | undefined;
  /** What to call a place that came from a flag or a variable, by its path. */
  readonly names: ReadonlyMap<string, string>;
}

/** One error that lists every problem, each on a line with its place. */
export function configInvalid(problems: readonly Problem[], source: ProblemSource): UsageError {
  const lines = problems.map(({ path, message }) => {
    const place = formatPath(path);
    const subject = source.names.get(place) ?? place;
    return `  ${subject === '' ? 'the document' : subject} ${message}`;
  });
  const count = lines.length === 1 ? 'a problem' : `${lines.length} problems`;
  const title = `The configuration${source.file === undefined ? '' : ` in ${source.file}`} has ${count}:`;
  return new UsageError([title, ...lines].join('\n'), { code: 'config_invalid' });
}

/** The known word that a typing mistake was most likely meant to be. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const mistakesMax = Math.max(1, Math.floor(word.length / 3));
  const ranked = known
    .map((candidate) => ({ candidate, mistakes: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((left, right) => left.mistakes - right.mistakes);
  const best = ranked[0];
  return best !== undefined && best.mistakes <= mistakesMax ? best.candidate : undefined;
}
