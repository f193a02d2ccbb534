/**
 * The YAML, key by key: what is allowed, what holds without it, and what it means. CONFIGURATION.md and the JSON
 * Schema are made from this file.
 */
import * as z from 'zod';
import { logFormats, logLevels } from '../src/logger.ts';
import type { Config } from './config.ts';
import {
  apiKey,
  checked,
  cron,
  dayMs,
  duration,
  flag,
  label,
  moment,
  number,
  optional,
  size,
  sqlName,
  text,
  wholeNumber,
} from './fields.ts';
import { fixedSecret, Secret, secretFromFile } from './secret.ts';
import { sinkSchema } from './sink-schema.ts';
import { checkApiUrl, checkDatabaseUrl } from './urls.ts';

const api = z
  .strictObject({
    url: checked(checkApiUrl)
      .transform((url) => url.replace(/\/+$/, ''))
      .prefault('https://cockroachlabs.cloud')
      .describe('The Cloud API: https, or http on loopback. `COCKROACH_SERVER` overrides it.'),
    version: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a version such as 2024-09-16')
      .prefault('2024-09-16')
      .describe('`Cc-Version`, sent with every request; the answer must name the same.'),
    requestsPerSecond: number(0.01, 1000)
      .prefault(8)
      .describe(
        'The most requests a second with one key. The vendor allows 10 per user: leave some to others.',
      ),
    pageSize: wholeNumber(1, 10_000)
      .prefault(1000)
      .describe('Entries to ask for at once. It shrinks by itself where the API refuses it or is too slow.'),
    requestTimeout: duration(1000, 600_000)
      .prefault('30s')
      .describe('How long one answer, headers and body, may take.'),
    responseMax: size(64 * 1024, 1024 ** 3)
      .prefault('256MiB')
      .describe('The largest answer that is read. All entries of one timestamp come in one answer.'),
  })
  .transform(({ requestTimeout, responseMax, ...rest }) => ({
    ...rest,
    requestTimeoutMs: requestTimeout,
    responseMaxBytes: responseMax,
  }));

const organization = z
  .strictObject({
    name: label.describe(
      "A label of your own, part of paths and metrics; bound to the organization's id at first contact.",
    ),
    apiKey: apiKey.optional().describe('The secret of a service account with the Organization Admin role.'),
    apiKeyFile: optional(text).describe(
      'A file that holds the key, instead of `apiKey`; it is read again when it changes.',
    ),
    startFrom: optional(moment).describe(
      'Where the history begins when the organization is first seen: a time, a date or an age. Default: its creation.',
    ),
  })
  .transform(({ name, apiKey: key = '', apiKeyFile, startFrom }) => ({
    name,
    apiKey: apiKeyFile === undefined ? fixedSecret(key) : secretFromFile(apiKeyFile),
    startFrom,
  }));

const schedule = z.strictObject({
  tail: cron
    .prefault('* * * * *')
    .describe('When to read new entries: cron in UTC, a sixth field in front for seconds.'),
  rescan: cron
    .prefault('17 3 * * *')
    .describe('When to read `rescanWindow` once more, for entries that came later than `overlap`.'),
});

const reconcile = z
  .strictObject({
    schedule: cron
      .optional()
      .describe(
        'When `run` reads the last days from the API once more and compares them with the store and every sink: cron in UTC. Default: never.',
      ),
    window: duration(3_600_000, 36_500 * dayMs)
      .prefault('7d')
      .describe('How far back it reads.'),
    repair: flag()
      .prefault(false)
      .describe('Whether it appends what the store lacks, as `ccloud-audit reconcile --repair` does.'),
  })
  .transform(({ schedule: expression, window, repair }) => ({
    schedule: expression,
    windowMs: window,
    repair,
  }));

const storeUrl = checked((url) => {
  if (!url.startsWith('pglite:')) return checkDatabaseUrl(url);
  return url === 'pglite:' ? 'names no directory; write pglite:./ccloud-audit-data' : undefined;
}).transform((url) => new Secret(url));

const store = z
  .strictObject({
    url: storeUrl
      .prefault('pglite:./ccloud-audit-data')
      .describe(
        '`postgres://…` (PostgreSQL or CockroachDB), or `pglite:` and a directory for the embedded store.',
      ),
    urlFile: text.optional().describe('A file that holds `url`, instead of it.'),
    schema: sqlName.prefault('ccloud_audit').describe('The schema of the tables.'),
    migrate: flag().prefault(true).describe('Whether to bring the tables up to date at start.'),
    retention: z
      .string('must be forever, or a duration such as 400d')
      .pipe(
        z.union(
          [z.literal('forever'), duration(dayMs, 36_500 * dayMs)],
          'must be forever, or a duration such as 400d',
        ),
      )
      .prefault('forever')
      .describe('How long raw text stays in the store once every sink has it. Ids and hashes stay for ever.'),
  })
  .transform(({ url, schema, migrate, retention }) => ({
    url,
    schema,
    migrate,
    retentionMs: retention === 'forever' ? undefined : retention,
  }));

const signing = z
  .strictObject({
    key: z
      .string()
      .includes('PRIVATE KEY', 'is not a private key in PEM; `ccloud-audit key generate` makes one')
      .optional()
      .describe(
        'The Ed25519 private key in PEM that signs digests; `ccloud-audit key generate` makes one. Before another one is set here, ' +
          '`ccloud-audit key rotate --to FILE` announces it; without that the exporter does not start.',
      ),
    keyFile: text
      .optional()
      .describe(
        'A file that holds `key`, instead of it. It is read once, when the program starts: one that is gone or changed afterwards counts at the next start.',
      ),
  })
  .transform(({ key = '' }) => ({ key: new Secret(key) }));

const server = z.union(
  [
    z.strictObject({
      host: text.prefault('127.0.0.1').describe('The address to listen on; `0.0.0.0` in a container.'),
      port: wholeNumber(0, 65_535).prefault(9464).describe('The port; 0 takes any free one.'),
    }),
    z.literal([false, 'off']).transform(() => undefined),
  ],
  'must hold host and port, or be off',
);

const log = z.strictObject({
  level: z.enum(logLevels).prefault('info').describe('The least severe messages to show.'),
  format: z.enum(logFormats).prefault('auto').describe('`auto`: readable on a terminal, else JSON.'),
});

const document = z
  .strictObject({
    api: api.prefault({}).describe('How to talk to the Cloud API.'),
    organizations: z
      .array(organization, 'must be a list')
      .prefault([])
      .describe('Whose audit logs to export.'),
    schedule: schedule.prefault({}).describe('When `run` reads.'),
    overlap: duration(0, 30 * dayMs)
      .prefault('15m')
      .describe('How far before its checkpoint a sweep starts, to catch late entries.'),
    rescanWindow: duration(0, 365 * dayMs)
      .prefault('48h')
      .describe('How far back the daily re-scan reads, for entries that came later than that.'),
    reconcile: reconcile.prefault({}).describe('Comparing what was exported with the API, on a schedule.'),
    lease: duration(5000, 600_000)
      .prefault('30s')
      .describe('How long a process that died keeps others waiting.'),
    shutdownTimeout: duration(1000, 3_600_000)
      .prefault('25s')
      .describe('How long a stop may take; below what the orchestrator allows.'),
    store: store.prefault({}).describe('The database that holds the ledger.'),
    signing: optional(signing).describe(
      'Signs the digests that archives get: hourly when something was written, daily when nothing was, at the end of a `backfill` and of ' +
        '`run --once`. Without it they are not signed; their chain still shows accidents.',
    ),
    sinks: z
      .array(sinkSchema, 'must be a list')
      .prefault([{ name: 'console', type: 'stdout' }])
      .describe('Where entries go. Default: one `stdout` sink; `[]` keeps them in the store only.'),
    server: server
      .prefault({})
      .describe('Metrics and health over HTTP; `off` for none. It never shows entries.'),
    log: log.prefault({}).describe('Logs go to stderr.'),
  })
  .transform(({ overlap, rescanWindow, lease, shutdownTimeout, ...rest }) => ({
    ...rest,
    overlapMs: overlap,
    rescanWindowMs: rescanWindow,
    leaseMs: lease,
    shutdownTimeoutMs: shutdownTimeout,
  }));

/** One complaint about a document: the keys that lead to the place, and the rest of a sentence about it. */
export interface SchemaIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Set when `path` leads to a key that is not known. */
  readonly isUnknownKey: boolean;
}

export type SchemaResult = { readonly config: Config } | { readonly issues: readonly SchemaIssue[] };

/** Reads a document in which variables and secret files have been filled in. */
export function readDocument(value: unknown): SchemaResult {
  const result = document.safeParse(value, { reportInput: true });
  if (result.success) return { config: result.data };
  return { issues: result.error.issues.flatMap((issue) => readIssue(issue)) };
}

/** A part of a JSON Schema, as far as this program looks into it. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly [keyword: string]: unknown;
}

/** The JSON Schema (draft 2020-12) of the YAML. */
export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(document, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

function readIssue(
  issue: z.core.$ZodIssue,
  above: readonly (string | number)[] = [],
): readonly SchemaIssue[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not known', isUnknownKey: true }));
  }
  if (issue.code === 'invalid_union') {
    // A union of which one form fits, but for something inside it: that something is what helps.
    const nearest = issue.errors.find((branch) => branch.every((inner) => !isAboutItself(inner)));
    if (nearest !== undefined) return nearest.flatMap((inner) => readIssue(inner, path));
  }
  return [{ path, message: sentence(issue), isUnknownKey: false }];
}

function isAboutItself(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && issue.code !== 'unrecognized_keys';
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined) return 'is missing';
    if (!issue.message.startsWith('Invalid input')) return issue.message;
    return `must be ${typeNames[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === 'invalid_value') {
    return issue.input === undefined ? 'is missing' : `must be ${listed(issue.values.map(String))}`;
  }
  if (issue.code === 'invalid_union' && issue.discriminator === 'type') {
    return hasType(issue.input) ? 'must be postgres, s3, file or stdout' : 'is missing';
  }
  return issue.message;
}

function hasType(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'type' in input && input.type !== undefined;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'a group of keys',
  array: 'a list',
};

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`;
}
