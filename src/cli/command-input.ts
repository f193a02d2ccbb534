import { UsageError } from '../errors.ts';
import type { CommandInput, NumberRange } from './command.ts';

/** Reads what the parser left: arguments by name, options by their attribute name. */
export function commandInput(
  argumentsByName: ReadonlyMap<string, string | undefined>,
  options: Readonly<Record<string, unknown>>,
): CommandInput {
  const option = (name: string): unknown =>
    options[name.replaceAll(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())];
  const text = (name: string): string | undefined => {
    const value = option(name);
    return typeof value === 'string' ? value : undefined;
  };
  const read = (name: string, pattern: RegExp, range: NumberRange, noun: string): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
    const number = pattern.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    const bounds = range.max === undefined ? `of at least ${min}` : `of ${min} to ${max}`;
    throw new UsageError(`--${name} must be ${noun} ${bounds}, not "${value}".`, { code: 'option_invalid' });
  };
  return {
    argument: (name) => argumentsByName.get(name),
    required(name) {
      const value = argumentsByName.get(name);
      if (value === undefined) throw new UsageError(`The argument <${name}> is missing.`);
      return value;
    },
    text,
    list(name) {
      const value = option(name);
      return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
    },
    isSet: (name) => option(name) === true,
    wholeNumber: (name, range = {}) => read(name, /^\d{1,15}$/, range, 'a whole number'),
    number: (name, range = {}) => read(name, /^\d{1,15}(\.\d{1,9})?$/, range, 'a number'),
  };
}
