import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { editorSchema } from '../../config/editor-schema.ts';
import { loadConfig } from '../../config/load.ts';
import { configurationPage } from '../../config/reference.ts';
import { jsonSchema, type JsonSchema } from '../../config/schema.ts';
import { starterFile } from '../../config/starter.ts';

const examples = new URL('../../config/examples/', import.meta.url);
let directory: string;
let secretFile: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-reference-'));
  secretFile = join(directory, 'secret');
  await writeFile(secretFile, '-----BEGIN-PRIVATE KEY-----');
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const env = {
  COCKROACH_API_KEY: 'key-of-acme',
  COCKROACH_API_KEY_LABS: 'key-of-labs',
  CCLOUD_AUDIT_STORE_URL: 'postgres://u:p@db.example.com/ledger?sslmode=verify-full',
  WAREHOUSE_URL: 'postgres://u:p@dw.example.com/warehouse?sslmode=verify-full',
};

describe('CONFIGURATION.md', () => {
  it('is what `npm run docs:configuration` makes of the schema', async () => {
    expect(await readFile(new URL('../../CONFIGURATION.md', import.meta.url), 'utf8')).toBe(
      configurationPage(),
    );
  });

  it('has a meaning for every key', () => {
    const undescribed = (schema: JsonSchema, path: string): readonly string[] => [
      ...(schema.description === undefined && path !== '' && !path.endsWith('[]') ? [path] : []),
      ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
        undescribed(value, `${path}.${key}`),
      ),
      ...(schema.oneOf ?? []).flatMap((form) =>
        Object.entries(form.properties ?? {}).flatMap(([key, value]) => undescribed(value, `${path}.${key}`)),
      ),
      ...(schema.items === undefined ? [] : undescribed(schema.items, `${path}[]`)),
    ];
    expect(undescribed(jsonSchema(), '').filter((path) => path !== '.sinks[].organizations[]')).toEqual([]);
  });
});

describe('the JSON Schema for editors', () => {
  it('takes a variable wherever a value has rules', () => {
    const { properties } = editorSchema();
    const pageSize = properties?.['api']?.properties?.['pageSize'];
    expect(pageSize).toMatchObject({
      default: 1000,
      anyOf: [{ type: 'integer', maximum: 10_000 }, { type: 'string' }],
    });
    const pattern = new RegExp(String(pageSize?.anyOf?.[1]?.['pattern']));
    for (const text of ['${A}', '${A_1:-50}', '${A:-}']) expect(text).toMatch(pattern);
    for (const text of ['50', 'x${A}', '${A}${B}']) expect(text).not.toMatch(pattern);
    const sink = properties?.['sinks']?.items?.oneOf?.[0];
    expect(sink?.properties?.['type']).toMatchObject({ const: 'postgres' });
    expect(sink).toMatchObject({ additionalProperties: false, required: ['type', 'name'] });
  });
});

describe('the starter file', () => {
  it('loads once its variables are set, with the defaults it speaks of', async () => {
    const path = join(directory, 'starter.yaml');
    await writeFile(path, starterFile);
    const { config } = await loadConfig({ path, env: { COCKROACH_API_KEY: 'k' } });
    expect(config.organizations.map(({ name }) => name)).toEqual(['my-organization']);
    expect(config.store.url.reveal()).toBe('pglite:./ccloud-audit-data');
    expect(config.sinks).toMatchObject([{ type: 'stdout' }]);
  });

  it('still loads with all its suggestions taken', async () => {
    const path = join(directory, 'starter-all.yaml');
    const suggestion =
      /^(\s*)# (?=(- name:| {2}(type|url|bucket|prefix|region|directory):|signing:| {2}keyFile:))/gm;
    const text = starterFile.replaceAll(suggestion, '$1').replace('/run/secrets/archive-key.pem', secretFile);
    await writeFile(path, text);
    const { config } = await loadConfig({
      path,
      env: { COCKROACH_API_KEY: 'k', WAREHOUSE_URL: env.WAREHOUSE_URL },
    });
    expect(config.sinks.map(({ type }) => type)).toEqual(['stdout', 'postgres', 's3', 'file']);
    expect(config.signing).toBeDefined();
  });
});

describe('the examples', async () => {
  const names = await readdir(examples);

  it('are the five that the reference names', () => {
    expect(names.toSorted()).toEqual([
      'compose.yaml',
      'everything.yaml',
      'postgres.yaml',
      's3.yaml',
      'siem-stdout.yaml',
    ]);
    for (const name of names) expect(configurationPage()).toContain(`config/examples/${name}`);
  });

  it.each(names)('%s loads', async (name) => {
    const path = new URL(name, examples).pathname;
    const { config } = await loadConfig({
      path,
      env:
        name === 's3.yaml'
          ? {
              CCLOUD_AUDIT_STORE_URL: env.CCLOUD_AUDIT_STORE_URL,
              COCKROACH_API_KEY_FILE: await keyFile(),
              ARCHIVE_KEY_FILE: secretFile,
            }
          : { ...env, ARCHIVE_KEY_FILE: secretFile },
    });
    expect(config.sinks.length).toBeGreaterThan(0);
  });
});

async function keyFile(): Promise<string> {
  const path = join(directory, 'api-key');
  await writeFile(path, 'key-of-acme\n');
  return path;
}
