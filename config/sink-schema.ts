import * as z from 'zod';
import type { SinkConfig } from './config.ts';
import {
  checked,
  dayMs,
  duration,
  flag,
  label,
  moment,
  optional,
  size,
  sqlTable,
  text,
  wholeNumber,
} from './fields.ts';
import { Secret } from './secret.ts';
import { checkEndpoint, checkDatabaseUrl } from './urls.ts';

const common = {
  name: label.describe('A label of your own; offsets are kept under it.'),
  organizations: optional(
    z
      .array(label, 'must be a list of organization names')
      .min(1, 'is empty; leave it out for all organizations'),
  ).describe('Which organizations it gets. Default: all.'),
  from: z
    .string()
    .pipe(
      z.union(
        [z.literal(['beginning', 'now']), moment],
        'must be beginning, now, a time such as 2024-01-31T00:00:00Z, or an age such as 90d',
      ),
    )
    .prefault('beginning')
    .describe(
      'Where a new sink starts: at the first entry, with what is created from now on, or at a time. An archive has no holes: it starts at that place of the ledger and gets everything behind it.',
    ),
};

const roll = z
  .strictObject({
    entries: wholeNumber(1, 1_000_000).prefault(50_000).describe('Close an object at this many entries.'),
    bytes: size(1024, 512 * 1024 ** 2)
      .prefault('16MiB')
      .describe('Close an object at this much raw text, before gzip.'),
    age: duration(1000, 7 * dayMs)
      .prefault('15m')
      .describe('Close an object when its first entry has waited this long.'),
  })
  .transform(({ entries, bytes, age }) => ({ entries, bytes, ageMs: age }))
  .prefault({})
  .describe('When an object is closed and the next one begun.');

const postgres = z
  .strictObject({
    type: z.literal('postgres').describe('A table in PostgreSQL or CockroachDB.'),
    ...common,
    url: optional(checked(checkDatabaseUrl).transform((url) => new Secret(url))).describe(
      "The database, `postgres://…`. Default: the store's own.",
    ),
    urlFile: text.optional().describe('A file that holds `url`, instead of it.'),
    table: sqlTable.prefault('audit.cockroach_cloud_entries').describe('The table, made if it is missing.'),
  })
  .transform(({ type, name, organizations, from, url, table }) => ({
    type,
    name,
    organizations,
    from,
    url,
    table,
  }));

const encryption = z
  .strictObject({
    algorithm: z
      .enum(['AES256', 'aws:kms'])
      .optional()
      .describe('`AES256` is SSE-S3, `aws:kms` is SSE-KMS. Default: `aws:kms` with a key id, else `AES256`.'),
    kmsKeyId: optional(text).describe('The KMS key: its id, ARN or alias.'),
  })
  .refine(
    ({ algorithm, kmsKeyId }) => algorithm !== 'AES256' || kmsKeyId === undefined,
    'has a kmsKeyId, which AES256 does not use; leave one of them out',
  )
  .transform(({ algorithm, kmsKeyId }) => ({
    algorithm: algorithm ?? (kmsKeyId === undefined ? ('AES256' as const) : ('aws:kms' as const)),
    kmsKeyId,
  }));

const objectLock = z
  .strictObject({
    mode: z.enum(['GOVERNANCE', 'COMPLIANCE']).describe("`COMPLIANCE` can't be undone by anyone."),
    retention: duration(dayMs, 36_500 * dayMs).describe('How long an object is locked.'),
  })
  .transform(({ mode, retention }) => ({ mode, retentionMs: retention }));

const s3 = z.strictObject({
  type: z
    .literal('s3')
    .describe("The archive in an object store. Credentials come from the AWS SDK's own chain."),
  ...common,
  bucket: text.regex(/^[^\s/]+$/, 'must be the name of a bucket, without slashes').describe('The bucket.'),
  prefix: z
    .string()
    .transform((value) => value.replaceAll(/^\/+|\/+$/g, ''))
    .refine(isPrefix, 'must not have empty parts, "." or ".." between its slashes, or control characters')
    .prefault('')
    .describe('What every key begins with.'),
  region: optional(text).describe("The bucket's region. Default: the SDK's own settings."),
  roleArn: optional(
    text.regex(/^arn:/, 'must be an ARN such as arn:aws:iam::123456789012:role/audit'),
  ).describe('A role to assume.'),
  endpoint: optional(checked(checkEndpoint)).describe('The URL of another S3-compatible store.'),
  forcePathStyle: flag().prefault(false).describe('The bucket in the path instead of the host name.'),
  conditionalWrites: flag()
    .prefault(true)
    .describe('`off` goes on where a store ignores `If-None-Match`; a second exporter is then noticed late.'),
  expectedBucketOwner: optional(
    z
      .string('must be an account id of twelve digits in quotes')
      .regex(/^\d{12}$/, 'must be an account id of twelve digits'),
  ).describe('The account that must own the bucket, in quotes.'),
  storageClass: optional(text).describe('For example `STANDARD_IA`. Default: the store decides.'),
  checksum: z
    .enum(['sha256', 'none'])
    .prefault('sha256')
    .describe(
      'Sent with every object. `none` sends Content-MD5 instead, for stores that refuse newer checksum headers.',
    ),
  encryption: optional(encryption).describe("Server-side encryption. Default: the bucket's own."),
  roll,
  objectLock: optional(objectLock).describe('Object Lock, off by default. The bucket must have it enabled.'),
  legalHold: flag().prefault(false).describe('Whether every object gets a legal hold.'),
});

const file = z.strictObject({
  type: z.literal('file').describe('The archive in a directory.'),
  ...common,
  directory: text.describe('The directory, made if it is missing.'),
  roll,
});

const stdout = z.strictObject({
  type: z.literal('stdout').describe('JSON lines on stdout; a batch may repeat after a crash.'),
  ...common,
  format: z
    .enum(['raw', 'envelope'])
    .prefault('raw')
    .describe('`raw`: the entry as the API sent it. `envelope`: `{"organization","sequence","entry":{…}}`.'),
});

/** One sink, told apart by its `type`. */
export const sinkSchema: z.ZodType<SinkConfig> = z.discriminatedUnion('type', [postgres, s3, file, stdout]);

/** Whether object keys can begin with it. */
function isPrefix(prefix: string): boolean {
  const isPlain = prefix === '' || prefix.split('/').every((part) => !['', '.', '..'].includes(part));
  return isPlain && !/\p{Cc}/u.test(prefix);
}
