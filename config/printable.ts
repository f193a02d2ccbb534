import { stringify } from 'yaml';
import { formatTimestamp, nanos } from '../src/time.ts';
import type { Config } from './config.ts';
import { Secret } from './secret.ts';
import { formatDuration, formatSize } from './units.ts';
import { describeDatabaseUrl } from './urls.ts';

const hidden = '[hidden]';
const sizeKeys: ReadonlySet<string> = new Set(['bytes', 'responseMaxBytes']);

/**
 * The configuration in force in the form of the YAML, every default filled in and every secret hidden. A database URL
 * shows where it leads, without user and password.
 */
export function printableConfig(config: Config): Readonly<Record<string, unknown>> {
  const group = printableGroup(config);
  const { retentionMs } = config.store;
  return {
    ...group,
    store: {
      ...printableGroup(config.store),
      retention: retentionMs === undefined ? 'forever' : formatDuration(retentionMs),
    },
    server: config.server === undefined ? 'off' : config.server,
  };
}

export function printConfigAsYaml(config: Config): string {
  return stringify(printableConfig(config), { lineWidth: 0 });
}

function printableGroup(group: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(group)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]: [string, unknown]) => printableEntry(key, value)),
  );
}

function printableEntry(key: string, value: unknown): readonly [string, unknown] {
  if (typeof value === 'number' && key.endsWith('Ms')) return [key.slice(0, -2), formatDuration(value)];
  if (typeof value === 'number' && sizeKeys.has(key)) return [key.replace(/Bytes$/, ''), formatSize(value)];
  if (key === 'apiKey') return [key, hidden];
  return [key, printable(value)];
}

function printable(value: unknown): unknown {
  if (value instanceof Secret) return describeDatabaseUrl(value.reveal()) ?? hidden;
  if (typeof value === 'bigint') return formatTimestamp(nanos(value));
  if (Array.isArray(value)) return value.map(printable);
  return typeof value === 'object' && value !== null ? printableGroup(value) : value;
}
