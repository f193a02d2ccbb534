/** The kinds of values that keys hold. Every complaint completes the sentence that begins with the key's path. */
import * as z from 'zod';
import { validateCron } from '../src/schedule/cron.ts';
import type { Nanos } from '../src/time.ts';
import { formatDuration, formatSize, parseDuration, parseMoment, parseSize } from './units.ts';

export const dayMs = 86_400_000;
const identifier = '[A-Za-z_][A-Za-z0-9_]{0,62}';

/** A string that `read` understands, as what `read` makes of it. */
function readable<T>(
  read: (text: string) => T | undefined,
  complaint: (text: string) => string,
): z.ZodType<T, string> {
  // YAML reads 15 or true as something else than text; the complaint about the text helps there, too.
  const base = z.string({
    error: ({ input }) =>
      typeof input === 'number' || typeof input === 'boolean' ? complaint(String(input)) : undefined,
  });
  return base.transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: complaint(text) });
    return z.NEVER;
  });
}

/** A key that may be left out; what comes of it is always there, possibly undefined. */
export function optional<T, I>(schema: z.ZodType<T, I>): z.ZodType<T | undefined, I | undefined> {
  return schema.optional().transform((value) => value);
}

export const text: z.ZodString = z.string().trim().min(1, 'is empty');

/** A name of the operator's own: part of paths, labels and keys. */
export const label: z.ZodString = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits and dashes, and not begin with a dash',
  );

export const sqlName: z.ZodString = z
  .string()
  .regex(new RegExp(`^${identifier}$`), 'must be a plain SQL name: letters, digits and underscores');

export const sqlTable: z.ZodString = z
  .string()
  .regex(
    new RegExp(`^(${identifier}\\.)?${identifier}$`),
    'must be a plain SQL name such as audit.cockroach_cloud_entries',
  );

/** Neither white space nor line breaks can be part of a key: a header would break or carry another key. */
export const apiKey: z.ZodString = z
  .string()
  .min(1, 'is empty')
  .regex(/^[\x21-\x7e]*$/, 'holds white space, a line break or another character that no API key has');

export const cron: z.ZodType<string, string> = readable(
  (value) => (validateCron(value) === undefined ? value : undefined),
  (value) => `"${value}" is not a cron expression: ${validateCron(value) ?? 'it is unreadable'}`,
);

export const moment: z.ZodType<Nanos, string> = readable(
  (value) => parseMoment(value, Date.now()),
  (value) => `"${value}" is not a time; write 2024-01-31T00:00:00Z, 2024-01-31 or an age such as 90d`,
);

export function duration(leastMs: number, mostMs: number): z.ZodType<number, string> {
  const isWithin = (ms: number | undefined): boolean => ms !== undefined && ms >= leastMs && ms <= mostMs;
  return readable(
    (value) => (isWithin(parseDuration(value)) ? parseDuration(value) : undefined),
    (value) =>
      parseDuration(value) === undefined
        ? `"${value}" is not a duration; write a number and a unit such as 30s, 15m, 48h or 90d`
        : `${value} is out of range; it may be ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`,
  );
}

export function size(least: number, most: number): z.ZodType<number, string> {
  const isWithin = (bytes: number | undefined): boolean =>
    bytes !== undefined && bytes >= least && bytes <= most;
  return readable(
    (value) => (isWithin(parseSize(value)) ? parseSize(value) : undefined),
    (value) =>
      parseSize(value) === undefined
        ? `"${value}" is not a size; write a number and a unit such as 512KiB or 16MiB`
        : `${value} is out of range; it may be ${formatSize(least)} to ${formatSize(most)}`,
  );
}

/** What came out of a variable is always text, so text that is a number serves as one. */
export function number(least: number, most: number): z.ZodType<number> {
  const message = `must be a number of ${least} to ${most}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}(\.\d{1,6})?$/.test(value) ? Number(value) : value),
    z.number(message).min(least, message).max(most, message),
  );
}

export function wholeNumber(least: number, most: number): z.ZodType<number> {
  const message = `must be a whole number of ${least} to ${most}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.number(message).int(message).min(least, message).max(most, message),
  );
}

const switches: ReadonlyMap<unknown, boolean> = new Map([
  ['true', true],
  ['on', true],
  ['false', false],
  ['off', false],
]);

/** A boolean, also as the text that a variable gives, also as on and off. */
export function flag(): z.ZodType<boolean> {
  return z.preprocess((value) => switches.get(value) ?? value, z.boolean('must be true or false'));
}

/** A string about which `check` has no complaint. */
export function checked(check: (value: string) => string | undefined): z.ZodType<string, string> {
  return z.string().superRefine((value, context) => {
    const complaint = check(value);
    if (complaint !== undefined) context.addIssue({ code: 'custom', message: complaint });
  });
}
