import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, organizationNameFrom, withOrganization, type LoadOptions } from '../../config/load.ts';
import { printableConfig, printConfigAsYaml } from '../../config/printable.ts';
import { UsageError } from '../../src/errors.ts';
import { parseTimestamp } from '../../src/time.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-load-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function file(text: string): Promise<string> {
  const path = join(directory, `${String(Math.random()).slice(2)}.yaml`);
  await writeFile(path, text);
  return path;
}

type Env = LoadOptions['env'];

/** The lines of the complaint about a document, without its title. */
async function complaints(text: string, env: Env = { KEY: 'k' }, flags = {}): Promise<readonly string[]> {
  const error: unknown = await loadConfig({ path: await file(text), env, flags }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

const organizations = 'organizations: [{ name: acme, apiKey: "${KEY}" }]\n';

describe('a single mistake is named with its place and what to do', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['an unknown key', 'stores: {}', 'stores is not a known key; did you mean "store"?'],
    [
      'an unknown key unlike any other',
      'qqqqqq: 1',
      'qqqqqq is not a known key; there is api, organizations, schedule, overlap, rescanWindow, reconcile, lease, shutdownTimeout, store, signing, sinks, server, log',
    ],
    [
      'an unknown key inside',
      'api: { pagesize: 5 }',
      'api.pagesize is not a known key; did you mean "pageSize"?',
    ],
    [
      'an unknown key of a sink, by its type',
      'sinks: [{ name: a, type: file, directory: d, buckett: x }]',
      'sinks[0].buckett is not a known key; there is type, name, organizations, from, directory, roll',
    ],
    [
      'an API without https',
      'api: { url: "http://cockroachlabs.cloud" }',
      'api.url must be https, or http on loopback: the API key would cross the network readably',
    ],
    [
      'an API that only looks like loopback',
      'api: { url: "http://127.0.0.1.example.com" }',
      'api.url must be https, or http on loopback: the API key would cross the network readably',
    ],
    [
      'an API URL with a password',
      'api: { url: "https://a:b@cockroachlabs.cloud" }',
      'api.url must not hold a user or password',
    ],
    ['a page size of nothing', 'api: { pageSize: 0 }', 'api.pageSize must be a whole number of 1 to 10000'],
    [
      'a page size too large',
      'api: { pageSize: 10001 }',
      'api.pageSize must be a whole number of 1 to 10000',
    ],
    [
      'a page size with a fraction',
      'api: { pageSize: 1.5 }',
      'api.pageSize must be a whole number of 1 to 10000',
    ],
    [
      'no requests at all',
      'api: { requestsPerSecond: 0 }',
      'api.requestsPerSecond must be a number of 0.01 to 1000',
    ],
    [
      'a duration without a unit',
      'overlap: 15',
      'overlap "15" is not a duration; write a number and a unit such as 30s, 15m, 48h or 90d',
    ],
    ['a duration too long', 'lease: 1d', 'lease 1d is out of range; it may be 5s to 10m'],
    [
      'a size in unknown units',
      'api: { responseMax: 5MB2 }',
      'api.responseMax "5MB2" is not a size; write a number and a unit such as 512KiB or 16MiB',
    ],
    [
      'a cron minute that does not exist',
      'schedule: { tail: "61 * * * *" }',
      'schedule.tail "61 * * * *" is not a cron expression: 61 is not a possible minute',
    ],
    [
      'a cron expression with three fields',
      'schedule: { tail: "* * *" }',
      'schedule.tail "* * *" is not a cron expression: it has 3 fields where cron has five, or six with seconds in front',
    ],
    [
      'a cron nickname',
      'schedule: { rescan: "@daily" }',
      'schedule.rescan "@daily" is not a cron expression: it has 1 field where cron has five, or six with seconds in front',
    ],
    [
      'a database on another host without sslmode',
      'store: { url: "postgres://u:pw@db.example.com/x" }',
      'store.url leads to another machine and must say how the connection is protected; add ?sslmode=verify-full (or verify-ca, require, disable)',
    ],
    [
      'a store of another kind',
      'store: { url: "mysql://localhost/x" }',
      'store.url does not begin with postgres:// or postgresql://',
    ],
    [
      'an embedded store without a directory',
      'store: { url: "pglite:" }',
      'store.url names no directory; write pglite:./ccloud-audit-data',
    ],
    [
      'a schema that is no plain name',
      'store: { schema: "a b" }',
      'store.schema must be a plain SQL name: letters, digits and underscores',
    ],
    [
      'a retention without a unit',
      'store: { retention: 30 }',
      'store.retention must be forever, or a duration such as 400d',
    ],
    [
      'a table that is no plain name',
      'sinks: [{ name: w, type: postgres, table: "a;b" }]',
      'sinks[0].table must be a plain SQL name such as audit.cockroach_cloud_entries',
    ],
    ['a sink without a type', 'sinks: [{ name: w }]', 'sinks[0].type is missing'],
    [
      'a sink of an unknown type',
      'sinks: [{ name: w, type: s4 }]',
      'sinks[0].type must be postgres, s3, file or stdout',
    ],
    ['a bucket that is missing', 'sinks: [{ name: w, type: s3 }]', 'sinks[0].bucket is missing'],
    [
      'an account id that lost its quotes',
      'sinks: [{ name: w, type: s3, bucket: b, expectedBucketOwner: 123456789012 }]',
      'sinks[0].expectedBucketOwner must be an account id of twelve digits in quotes',
    ],
    [
      'a prefix that leaves its place',
      'sinks: [{ name: w, type: s3, bucket: b, prefix: a/../b }]',
      'sinks[0].prefix must not have empty parts, "." or ".." between its slashes, or control characters',
    ],
    [
      'a key that is not used',
      'sinks: [{ name: w, type: s3, bucket: b, encryption: { algorithm: AES256, kmsKeyId: k } }]',
      'sinks[0].encryption has a kmsKeyId, which AES256 does not use; leave one of them out',
    ],
    [
      'a lock without retention',
      'sinks: [{ name: w, type: s3, bucket: b, objectLock: { mode: GOVERNANCE } }]',
      'sinks[0].objectLock.retention is missing',
    ],
    [
      'a start in no known form',
      'sinks: [{ name: w, type: stdout, from: yesterday }]',
      'sinks[0].from must be beginning, now, a time such as 2024-01-31T00:00:00Z, or an age such as 90d',
    ],
    [
      'a sink name with a space',
      'sinks: [{ name: "a b", type: stdout }]',
      'sinks[0].name must be 1 to 63 lower-case letters, digits and dashes, and not begin with a dash',
    ],
    [
      'two sinks of one name',
      'sinks: [{ name: a, type: stdout }, { name: a, type: file, directory: d }]',
      'sinks[1].name is the name of sinks[0] already; every sink needs a name of its own',
    ],
    [
      'two sinks on one directory, spelt differently',
      'sinks: [{ name: a, type: file, directory: ./d }, { name: b, type: file, directory: x/../d }]',
      'sinks[1] writes to the same place as sinks[0]; two sinks on one target would double entries',
    ],
    [
      'two sinks on one table',
      'sinks: [{ name: a, type: postgres }, { name: b, type: postgres, table: audit.cockroach_cloud_entries }]',
      'sinks[1] writes to the same place as sinks[0]; two sinks on one target would double entries',
    ],
    [
      'two sinks on one table, one of them by the store',
      'store: { url: "postgres://a@localhost/x" }\nsinks: [{ name: a, type: postgres }, { name: b, type: postgres, url: "postgresql://b@localhost:5432/x" }]',
      'sinks[1] writes to the same place as sinks[0]; two sinks on one target would double entries',
    ],
    [
      'two sinks on one prefix',
      'sinks: [{ name: a, type: s3, bucket: b, prefix: /p/ }, { name: b, type: s3, bucket: b, prefix: p }]',
      'sinks[1] writes to the same place as sinks[0]; two sinks on one target would double entries',
    ],
    [
      'two sinks on stdout',
      'sinks: [{ name: a, type: stdout }, { name: b, type: stdout, format: envelope }]',
      'sinks[1] writes to the same place as sinks[0]; two sinks on one target would double entries',
    ],
    [
      'a sink of an organization that is not there',
      'sinks: [{ name: a, type: stdout, organizations: [acne] }]',
      'sinks[0].organizations[0] names the organization "acne", which is not configured; did you mean "acme"?',
    ],
    [
      'a sink of no organization',
      'sinks: [{ name: a, type: stdout, organizations: [] }]',
      'sinks[0].organizations is empty; leave it out for all organizations',
    ],
    ['a signing key that is missing', 'signing: {}', 'signing has neither key nor keyFile'],
    [
      'a signing key that is none',
      'signing: { key: hello }',
      'signing.key is not a private key in PEM; `ccloud-audit key generate` makes one',
    ],
    ['a port out of range', 'server: { port: 99999 }', 'server.port must be a whole number of 0 to 65535'],
    ['a server that is a word', 'server: maybe', 'server must hold host and port, or be off'],
    [
      'an unknown log level',
      'log: { level: loud }',
      'log.level must be trace, debug, info, warn, error, fatal or silent',
    ],
    ['an unset variable', 'store: { url: "${NOPE}" }', 'store.url names the variable NOPE, which is not set'],
    [
      'a variable inside a longer text',
      'store: { url: "postgres://u:${PW}@h/db" }',
      'store.url has a variable that is not the whole value; write ${NAME} or ${NAME:-text} alone, and a literal ${ as $${',
    ],
    ['a list in place of a group', 'api: []', 'api must be a group of keys'],
    ['a value in place of a list', 'sinks: 3', 'sinks must be a list'],
  ];

  it.each(cases)('%s', async (_name, text, expected) => {
    expect(await complaints(organizations + text)).toEqual([expected]);
  });

  const organizationCases: readonly (readonly [string, string, string])[] = [
    [
      'an organization without a key',
      '[{ name: acme }]',
      'organizations[0] has neither apiKey nor apiKeyFile',
    ],
    ['an empty key', '[{ name: acme, apiKey: "" }]', 'organizations[0].apiKey is empty'],
    [
      'a key with a line break',
      '[{ name: acme, apiKey: "ab\\ncd" }]',
      'organizations[0].apiKey holds white space, a line break or another character that no API key has',
    ],
    [
      'a key file that is not there',
      '[{ name: acme, apiKeyFile: /nonexistent/key }]',
      "organizations[0].apiKeyFile names the file /nonexistent/key, which can't be read: there is no such file",
    ],
    [
      'a key and a key file',
      '[{ name: acme, apiKey: k, apiKeyFile: f }]',
      'organizations[0].apiKeyFile is set beside apiKey; keep one of them',
    ],
    [
      'an organization twice',
      '[{ name: acme, apiKey: k }, { name: acme, apiKey: l }]',
      'organizations[1].name is the name of organizations[0] already; every organization needs a name of its own',
    ],
    [
      'a name with capitals',
      '[{ name: Acme, apiKey: k }]',
      'organizations[0].name must be 1 to 63 lower-case letters, digits and dashes, and not begin with a dash',
    ],
    [
      'a start that is no time',
      '[{ name: acme, apiKey: k, startFrom: soon }]',
      'organizations[0].startFrom "soon" is not a time; write 2024-01-31T00:00:00Z, 2024-01-31 or an age such as 90d',
    ],
  ];

  it.each(organizationCases)('%s', async (_name, text, expected) => {
    expect(await complaints(`organizations: ${text}`)).toEqual([expected]);
  });
});

describe('loading', () => {
  it('reports every problem in one go, those of values and those between keys', async () => {
    const found = await complaints(`
organizations: [{ name: acme, apiKey: "\${NOPE}" }]
overlap: 5
sinks: [{ name: a, type: file, directory: d }, { name: a, type: s3 }]
typo: 1
`);
    expect(found).toHaveLength(5);
    expect(found.join('\n')).toMatch(/NOPE[^]*overlap[^]*sinks\[1\]\.bucket[^]*typo[^]*sinks\[1\]\.name/);
  });

  it('needs nothing but a key and says what it uses instead of a file', async () => {
    const loaded = await loadConfig({ env: { COCKROACH_API_KEY: 'secret-key' } });
    expect(loaded).toMatchObject({ file: undefined, defaulted: { store: true, sinks: true } });
    expect(loaded.config.organizations).toEqual([]);
    expect(loaded.config.store.url.reveal()).toBe('pglite:./ccloud-audit-data');
    expect(loaded.config.sinks).toMatchObject([
      { name: 'console', type: 'stdout', format: 'raw', from: 'beginning' },
    ]);
    const { organizations: known } = withOrganization(loaded, 'acme');
    expect(known[0]?.name).toBe('acme');
    expect((await known[0]?.apiKey.read())?.reveal()).toBe('secret-key');
  });

  it('tells both ways when there is neither a file nor a key', async () => {
    await expect(loadConfig({ env: {} })).rejects.toThrow(
      /Set COCKROACH_API_KEY.*config init.*--config or CCLOUD_AUDIT_CONFIG/,
    );
  });

  it('asks for no key where none is needed', async () => {
    const loaded = await loadConfig({ env: {}, needsKey: false });
    expect(loaded.config.organizations).toEqual([]);
  });

  it('fails when a named file is missing, whoever named it', async () => {
    const path = join(directory, 'absent.yaml');
    const message = `The configuration file ${path} can't be read: there is no such file.`;
    await expect(loadConfig({ path, env: { COCKROACH_API_KEY: 'k' } })).rejects.toThrow(message);
    await expect(loadConfig({ env: { CCLOUD_AUDIT_CONFIG: path, COCKROACH_API_KEY: 'k' } })).rejects.toThrow(
      message,
    );
  });

  it('takes the flag before the environment and that before the file', async () => {
    const path = await file(`${organizations}log: { level: warn }\napi: { url: "https://one.example" }`);
    const level = async (env: Env, logLevel?: string): Promise<string> =>
      (await loadConfig({ path, env: { KEY: 'k', ...env }, flags: { logLevel } })).config.log.level;
    expect(await level({})).toBe('warn');
    expect(await level({ CCLOUD_AUDIT_LOG_LEVEL: 'error' })).toBe('error');
    expect(await level({ CCLOUD_AUDIT_LOG_LEVEL: 'error' }, 'debug')).toBe('debug');
    const { config } = await loadConfig({ path, env: { KEY: 'k', COCKROACH_SERVER: 'http://localhost:1/' } });
    expect(config.api.url).toBe('http://localhost:1');
  });

  it('names the variable or flag whose value is wrong, not a key that nobody wrote', async () => {
    expect(await complaints(organizations, { KEY: 'k', COCKROACH_SERVER: 'http://example.com' })).toEqual([
      'COCKROACH_SERVER must be https, or http on loopback: the API key would cross the network readably',
    ]);
    expect(await complaints(organizations, { KEY: 'k' }, { logLevel: 'x' })).toEqual([
      '--log-level must be trace, debug, info, warn, error, fatal or silent',
    ]);
  });

  it('lets COCKROACH_API_KEY take the place of the key of a single organization, and of no other', async () => {
    expect(await keys('organizations: [{ name: a, apiKey: one }]')).toEqual(['from-environment']);
    expect(await keys('organizations: [{ name: a, apiKeyFile: /nonexistent }]')).toEqual([
      'from-environment',
    ]);
    expect(await keys('organizations: [{ name: a, apiKey: one }, { name: b, apiKey: two }]')).toEqual([
      'one',
      'two',
    ]);
  });

  it('keeps a server off that the file turned off, whatever address the environment names', async () => {
    const path = await file(`${organizations}server: off`);
    const { config } = await loadConfig({ path, env: { KEY: 'k', CCLOUD_AUDIT_SERVER_HOST: '0.0.0.0' } });
    expect(config.server).toBeUndefined();
  });

  it('reads a key file again when it has changed', async () => {
    const keyFile = await file('first-key\n');
    const path = await file(`organizations: [{ name: acme, apiKeyFile: ${keyFile} }]`);
    const { config } = await loadConfig({ path, env: {} });
    const read = async (): Promise<string | undefined> =>
      (await config.organizations[0]?.apiKey.read())?.reveal();
    expect(await read()).toBe('first-key');
    await writeFile(keyFile, 'the-second-key\n');
    expect(await read()).toBe('the-second-key');
    await rm(keyFile);
    await expect(read()).rejects.toThrow(`The file ${keyFile} can't be read: there is no such file.`);
  });

  it('takes numbers and switches out of variables, and turns durations, sizes and times into integers', async () => {
    const path =
      await file(`${organizations}api: { pageSize: "\${SIZE}", responseMax: 1MiB, requestTimeout: 1.5s }
store: { migrate: "\${MIGRATE:-off}", retention: 400d }
sinks: [{ name: a, type: s3, bucket: b, from: 2024-01-31, conditionalWrites: off }]`);
    const { config } = await loadConfig({ path, env: { KEY: 'k', SIZE: '50' } });
    expect(config.api).toMatchObject({ pageSize: 50, responseMaxBytes: 1_048_576, requestTimeoutMs: 1500 });
    expect(config.store).toMatchObject({ migrate: false, retentionMs: 400 * 86_400_000 });
    expect(config.sinks[0]).toMatchObject({
      from: parseTimestamp('2024-01-31T00:00:00Z'),
      conditionalWrites: false,
      roll: { entries: 50_000, bytes: 16 * 1024 * 1024, ageMs: 900_000 },
    });
  });
});

describe('secrets', () => {
  const secrets = ['CCDB1_abcdefgh_SECRETSECRETSECRET', 'pw-of-store', 'pw-of-sink', 'MC4CAQAwBQYDK2VwBCIE'];
  const text = `
organizations: [{ name: acme, apiKey: ${secrets[0]} }]
store: { url: "postgres://u:${secrets[1]}@localhost/ledger" }
sinks: [{ name: w, type: postgres, url: "postgres://u:${secrets[2]}@db.example.com/w?sslmode=verify-full" }]
signing: { key: "-----BEGIN PRIVATE KEY-----\\n${secrets[3]}\\n-----END PRIVATE KEY-----" }
`;

  it('appear in no printed form of the configuration', async () => {
    const loaded = await loadConfig({ path: await file(text), env: {} });
    const printed = [
      printConfigAsYaml(loaded.config),
      JSON.stringify(printableConfig(loaded.config)),
      inspect(loaded, { depth: 20, showHidden: true }),
      JSON.stringify(loaded.config.store),
      String(loaded.config.store.url),
    ].join('\n');
    for (const secret of secrets) expect(printed).not.toContain(secret);
    expect(printed).toContain('postgres://db.example.com:5432/w?sslmode=verify-full');
  });

  it('appear in no complaint about the document that holds them', async () => {
    const broken = text
      .replace('acme,', 'Acme,')
      .replace('@localhost', '@db.example.com')
      .replace('PRIVATE KEY-----\\n', 'NONSENSE-----\\n')
      .replace('?sslmode=verify-full', '?sslmode=perhaps')
      .replace(`apiKey: ${secrets[0]}`, `apiKey: "${secrets[0]} x"`);
    const found = (await complaints(broken)).join('\n');
    expect(found.split('\n').length).toBeGreaterThanOrEqual(4);
    for (const secret of secrets) expect(found).not.toContain(secret);
  });

  it('appear in no complaint about broken YAML', async () => {
    const path = await file(`organizations:\n  - name: a\n    apiKey: "${secrets[0]}\n  bad: [1, 2\n`);
    const error: unknown = await loadConfig({ path, env: {} }).catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 20 })).not.toContain('SECRETSECRETSECRET');
    expect((error as Error).message).toMatch(/is not YAML that can be read:\n {2}line \d+, column \d+: /);
  });
});

describe('the name of an organization that was only known by its key', () => {
  it.each([
    ['Acme, Inc.', 'acme-inc'],
    ['ÄÖ', 'organization'],
    ['--x--', 'x'],
    ['a'.repeat(80), 'a'.repeat(63)],
    [`${'a'.repeat(62)} b`, 'a'.repeat(62)],
  ])('%s becomes %s', (name, expected) => {
    expect(organizationNameFrom(name)).toBe(expected);
  });
});

/** The keys that organizations end up with when COCKROACH_API_KEY is set. */
async function keys(text: string): Promise<readonly (string | undefined)[]> {
  const { config } = await loadConfig({
    path: await file(text),
    env: { COCKROACH_API_KEY: 'from-environment' },
  });
  return Promise.all(config.organizations.map(async ({ apiKey }) => (await apiKey.read()).reveal()));
}
