/**
 * Variables in a document that has been parsed already, so that a value can't change its structure. A value that is
 * `${VAR}` or `${VAR:-text}` as a whole becomes the variable's value, always as text and never looked at again. `$$`
 * stands for `$` anywhere. Keys are left alone.
 */
import type { KeyPath, Problem } from './problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Expansion {
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

const variable = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}$/;

/** The document with every variable filled in, and what could not be. */
export function expandVariables(document: unknown, environment: Environment): Expansion {
  const problems: Problem[] = [];
  const expand = (value: unknown, path: KeyPath): unknown => {
    if (typeof value === 'string') {
      const expanded = expandScalar(value, environment);
      if (typeof expanded === 'string') return expanded;
      problems.push({ path, message: expanded.problem });
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, index) => expand(item, [...path, index]));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]),
    );
  };
  const value = expand(document, []);
  return { value, problems };
}

function expandScalar(text: string, environment: Environment): string | { readonly problem: string } {
  const match = variable.exec(text);
  if (match !== null) {
    const [, name = '', fallback] = match;
    const value = environment[name];
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    const filled = fallback === undefined || (value !== undefined && value !== '') ? value : fallback;
    return filled ?? { problem: `names the variable ${name}, which is not set` };
  }
  if (/\$\{/.test(text.replaceAll('$$', ''))) {
    return {
      problem:
        'has a variable that is not the whole value; write ${NAME} or ${NAME:-text} alone, and a literal ${ as $${',
    };
  }
  return text.replaceAll('$$', '$');
}
