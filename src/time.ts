/**
 * Time as integers. The API prints timestamps with none to nine fraction digits and any offset; a `Date` would cut
 * them to milliseconds and string comparison would sort `02Z` after `02.5Z`, so every comparison is made on
 * nanoseconds since 1970 as a bigint. Positions themselves stay the strings the API gave.
 */
declare const nanosBrand: unique symbol;

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export type Nanos = bigint & { readonly [nanosBrand]: true };

export const microsecond = 1_000n;
export const second = 1_000_000_000n;

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|z|[+-]\d{2}:\d{2})$/;

export function nanos(value: bigint): Nanos {
  // The one place where a plain integer becomes a time; the brand exists only in the types.
  return value as Nanos;
}

/** Milliseconds, as `Date.now()` counts them, as nanoseconds. */
export function nanosFromMs(ms: number): Nanos {
  return nanos(BigInt(Math.trunc(ms)) * 1_000_000n);
}

/** Milliseconds, rounded down. */
export function msFromNanos(time: Nanos): number {
  const quotient = time / 1_000_000n;
  return Number(time < 0n && quotient * 1_000_000n !== time ? quotient - 1n : quotient);
}

/**
 * An RFC 3339 timestamp (https://www.rfc-editor.org/rfc/rfc3339) as nanoseconds; digits beyond nine are dropped.
 * Undefined for anything else, an impossible date included.
 */
export function parseTimestamp(text: string): Nanos | undefined {
  return parsePrinted(text) ?? parseAny(text);
}

/** Of `2006-01-02T15:04:05.999999Z`; the digits of the second are six at most. */
const printedLength = { least: 20, most: 27 } as const;
const capitalZ = 0x5a;
/** Of every year. */
const daysOfMonths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** What the API itself prints, without a regular expression: it is parsed for every entry. Undefined for anything else. */
function parsePrinted(text: string): Nanos | undefined {
  const zone = text.length - 1;
  if (text.length < printedLength.least || text.length > printedLength.most) return undefined;
  if (text.charCodeAt(zone) !== capitalZ || !isPunctuated(text)) return undefined;
  const year = wholeNumber(text, 0, 4);
  const month = wholeNumber(text, 5, 7);
  const day = wholeNumber(text, 8, 10);
  const hour = wholeNumber(text, 11, 13);
  const minute = wholeNumber(text, 14, 16);
  const secondOfMinute = wholeNumber(text, 17, 19);
  const fraction = zone === 19 ? 0 : wholeNumber(text, 20, zone) * 10 ** (26 - zone);
  // Years that `Date.UTC` takes for others, leap days, leap seconds and what is no date at all are for the other.
  if (!(year >= 1000 && day >= 1 && day <= (daysOfMonths[month - 1] ?? 0))) return undefined;
  if (!(hour <= 23 && minute <= 59 && secondOfMinute <= 59)) return undefined;
  const microseconds = Date.UTC(year, month - 1, day, hour, minute, secondOfMinute) * 1000 + fraction;
  return Number.isSafeInteger(microseconds) ? nanos(BigInt(microseconds) * microsecond) : undefined;
}

function isPunctuated(text: string): boolean {
  return (
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === 'T' &&
    text[13] === ':' &&
    text[16] === ':' &&
    (text[19] === '.' ? text.length > printedLength.least + 1 : text.length === printedLength.least)
  );
}

/** NaN where there is anything else. */
function wholeNumber(text: string, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function parseAny(text: string): Nanos | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, secondText, fraction = '', zone = 'Z'] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  // Second 60 is a leap second, which RFC 3339 allows; it counts as the next second.
  if (Number(hour) > 23 || Number(minute) > 59 || Number(secondText) > 60) return undefined;
  const offset = offsetMinutes(zone);
  if (offset === undefined) return undefined;
  const seconds =
    date.getTime() / 1000 + Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(secondText);
  return nanos(BigInt(seconds) * second + BigInt(fraction.slice(0, 9).padEnd(9, '0')));
}

/** UTC with six fraction digits, or nine where a finer time needs them: what the API itself prints. */
export function formatTimestamp(time: Nanos): string {
  const ms = msFromNanos(time);
  const base = new Date(ms).toISOString().slice(0, -1);
  const rest = time - BigInt(ms) * 1_000_000n;
  const digits = rest.toString().padStart(6, '0');
  return `${base}${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`;
}

/** The UTC day, `YYYY-MM-DD`. */
export function utcDay(time: Nanos): string {
  return new Date(msFromNanos(time)).toISOString().slice(0, 10);
}

export function minNanos(...times: readonly [Nanos, ...Nanos[]]): Nanos {
  return times.reduce((least, time) => (time < least ? time : least));
}

export function maxNanos(...times: readonly [Nanos, ...Nanos[]]): Nanos {
  return times.reduce((most, time) => (time > most ? time : most));
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
