/** Durations, sizes and moments as people write them in YAML and on the command line. */
import { nanosFromMs, parseTimestamp, type Nanos } from '../src/time.ts';

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  KiB: 1024,
  MB: 1_000_000,
  MiB: 1024 ** 2,
  GB: 1_000_000_000,
  GiB: 1024 ** 3,
};

/** `500ms`, `30s`, `15m`, `48h`, `1d`, `2w` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, durationUnits);
}

/** `512B`, `64KiB`, `16MiB`, `1GB` in bytes; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, sizeUnits);
}

/**
 * A moment: an RFC 3339 timestamp, a date (its beginning in UTC) or an age such as `90d` (that long before now).
 * Undefined for anything else.
 */
export function parseMoment(text: string, nowMs: number): Nanos | undefined {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return parseTimestamp(`${text}T00:00:00Z`);
  const ageMs = parseDuration(text);
  return ageMs === undefined ? parseTimestamp(text) : nanosFromMs(nowMs - ageMs);
}

/** The shortest exact form: `15m`, not `900000ms`. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, durationUnits, ['w']);
}

/** The shortest exact form in binary units: `16MiB`. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, sizeUnits, ['KB', 'MB', 'GB']);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)([a-zA-Z]{1,3})$/.exec(text);
  const factor = match === null ? undefined : units[match[2] ?? ''];
  if (match === null || factor === undefined) return undefined;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

function formatQuantity(
  value: number,
  units: Readonly<Record<string, number>>,
  unused: readonly string[],
): string {
  const fitting = Object.entries(units)
    .filter(([unit, factor]) => !unused.includes(unit) && value % factor === 0 && value >= factor)
    .toSorted(([, left], [, right]) => right - left);
  const [unit, factor] = fitting[0] ?? Object.entries(units)[0] ?? ['', 1];
  return `${value / factor}${unit}`;
}
