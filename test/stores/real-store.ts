/** The object store under test, as the environment tells it: vitest.stores.config.ts. */

/** What a store of those that are tested is known not to do. Said by whoever starts it, so that nothing passes by itself. */
const knownLacks = ['atomic-conditions'] as const;
export type StoreLack = (typeof knownLacks)[number];

export interface RealStore {
  readonly endpoint: string;
  /** A bucket that is there, without versions and without Object Lock. */
  readonly bucket: string;
  readonly secret: string;
  readonly lacks: ReadonlySet<StoreLack>;
  /** Credentials for a program that is started. */
  readonly env: Readonly<Record<string, string>>;
}

export function realStore(): RealStore {
  const secret = needed('AWS_SECRET_ACCESS_KEY');
  return {
    endpoint: needed('S3_TEST_ENDPOINT'),
    bucket: needed('S3_TEST_BUCKET'),
    secret,
    lacks: new Set(lacksOf(process.env['S3_TEST_LACKS'] ?? '')),
    env: { AWS_ACCESS_KEY_ID: needed('AWS_ACCESS_KEY_ID'), AWS_SECRET_ACCESS_KEY: secret },
  };
}

function lacksOf(list: string): StoreLack[] {
  return list
    .split(',')
    .filter((word) => word !== '')
    .map((word) => {
      const known = knownLacks.find((lack) => lack === word);
      if (known === undefined) throw new Error(`S3_TEST_LACKS knows ${knownLacks.join(', ')}, not ${word}`);
      return known;
    });
}

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set; see vitest.stores.config.ts`);
  return value;
}
