/** Signing keys as operators handle them: the built program, a sandbox, an archive in a directory. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parsePublicKey, parseSigningKey } from '../../src/archive/digest/signing-key.ts';
import { isSignedBy } from '../../src/archive/digest/envelope.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { readDigests, type ReadDigest } from '../helpers/archive-digests.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { readFiles } from '../helpers/read-files.ts';
import { runProgram, type Ended } from './run-program.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function file(name: string): string {
  return join(directory, name);
}

async function newKey(name: string): Promise<string> {
  const ended = await runProgram(['key', 'generate', file(name), '-o', 'json']);
  expect(ended).toMatchObject({ exitCode: 0 });
  return (JSON.parse(ended.stdout) as { keyId: string }).keyId;
}

async function digests(): Promise<ReadDigest[]> {
  return readDigests(new Map(await readFiles(file('archive'))));
}

describe('ccloud-audit key generate', () => {
  it('writes a private key for this user only and prints its public part', async () => {
    const ended = await runProgram(['key', 'generate', file('key.pem')]);
    expect(ended).toMatchObject({ exitCode: 0 });
    expect((await stat(file('key.pem'))).mode & 0o777).toBe(0o600);
    const pem = await readFile(file('key.pem'), 'utf8');
    expect(createPrivateKey(pem).asymmetricKeyType).toBe('ed25519');
    const { publicKey } = parseSigningKey(pem);
    expect(ended.stdout).toBe(`key id: ${publicKey.keyId}\n${publicKey.pem}`);
    const secret = pem.split('\n')[1] ?? '';
    expect(`${ended.stdout}${ended.stderr}`).not.toContain(secret);
  });

  it('never replaces a file', async () => {
    await writeFile(file('key.pem'), 'mine');
    const ended = await runProgram(['key', 'generate', file('key.pem')]);
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toContain('exists already and was left as it is');
    expect(await readFile(file('key.pem'), 'utf8')).toBe('mine');
  });

  it('hands the private key to a pipe where no file is named', async () => {
    const ended = await runProgram(['key', 'generate']);
    expect(ended).toMatchObject({ exitCode: 0 });
    const { publicKey } = parseSigningKey(ended.stdout);
    expect(ended.stderr).toContain(publicKey.keyId);
    expect((await runProgram(['key', 'generate', '-o', 'json'])).exitCode).toBe(2);
  });
});

describe('ccloud-audit key show', () => {
  it('shows the public part of a private key, of a public one and of the configured one', async () => {
    const keyId = await newKey('key.pem');
    const first = await runProgram(['key', 'show', file('key.pem')]);
    expect(first).toMatchObject({ exitCode: 0 });
    await writeFile(file('key.pub.pem'), first.stdout);
    expect(parsePublicKey(first.stdout).keyId).toBe(keyId);
    expect((await runProgram(['key', 'show', file('key.pub.pem')])).stdout).toBe(first.stdout);
    await writeFile(file('config.yaml'), `signing: { keyFile: ${file('key.pem')} }\n`);
    const configured = await runProgram(['key', 'show', '-c', file('config.yaml'), '-o', 'json']);
    expect(JSON.parse(configured.stdout)).toMatchObject({ keyId });
  });

  it('says what is wrong with what is no such key', async () => {
    await writeFile(file('text.pem'), 'private matters');
    const ended = await runProgram(['key', 'show', file('text.pem')]);
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toContain('It is not a private key in PEM');
    expect(ended.stderr).not.toContain('private matters');
    expect((await runProgram(['key', 'show', file('none.pem')])).stderr).toContain('ENOENT');
    expect((await runProgram(['key', 'show'], { cwd: directory })).stderr).toContain('has no signing key');
  });
});

describe('a signing key', () => {
  let sandbox: Sandbox;
  let database: TestDatabase;

  beforeAll(async () => {
    sandbox = await startSandbox({ entries: 60 });
  });

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await database.drop();
  });

  afterAll(async () => {
    await sandbox.close();
  });

  async function audit(words: readonly string[], key: string | undefined): Promise<Ended> {
    await writeFile(
      file('config.yaml'),
      `api: { url: "${sandbox.url}" }
organizations: [{ name: acme, apiKey: "${sandbox.apiKey}" }]
store: { url: "${database.url}" }
sinks: [{ name: archive, type: file, directory: ${file('archive')}, roll: { entries: 25 } }]
${key === undefined ? '' : `signing: { keyFile: ${file(key)} }`}
`,
    );
    return await runProgram([...words, '-c', file('config.yaml')]);
  }

  it('of the wrong kind is refused before anything is read', async () => {
    await writeFile(
      file('bad.pem'),
      '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n',
    );
    const ended = await audit(['backfill'], 'bad.pem');
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toContain('key generate');
    expect(ended.stderr).not.toContain('AAAA');
  });

  it('is tried by the check of the configuration', async () => {
    const keyId = await newKey('key.pem');
    const good = await audit(['config', 'check', '--offline', '-o', 'json'], 'key.pem');
    expect(good).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(good.stdout)).toMatchObject({
      checks: [{}, { subject: 'signing', ok: true, finding: expect.stringContaining(keyId) as unknown }],
    });
    const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(file('bad.pem'), privateKey.export(pkcs8));
    const bad = await audit(['config', 'check', '--offline'], 'bad.pem');
    expect(bad.exitCode).toBe(2);
    expect(bad.stdout).toContain('It is a key of type ec, not Ed25519.');
  });

  it('signs a backfill, is rotated, and is no longer taken', async () => {
    const [oldId, newId] = [await newKey('old.pem'), await newKey('new.pem')];
    expect(await audit(['backfill'], 'old.pem')).toMatchObject({ exitCode: 0 });
    expect((await digests()).map(({ payload }) => [payload.reason, payload.through.entries])).toEqual([
      ['backfill', 60],
    ]);

    const unannounced = await audit(['run', '--once'], 'new.pem');
    expect(unannounced.exitCode).toBe(2);
    expect(unannounced.stderr).toContain('key rotate --to FILE');
    const refused = await audit(['key', 'rotate', '--to', file('new.pem')], 'new.pem');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(oldId);

    const rotated = await audit(['key', 'rotate', '--to', file('new.pem')], 'old.pem');
    expect(rotated).toMatchObject({ exitCode: 0 });
    expect(rotated.stdout).toMatch(/acme +archive +changed/);
    expect(rotated.stderr).toContain(newId);
    const again = await audit(['key', 'rotate', '--to', file('new.pem'), '-o', 'json'], 'old.pem');
    expect(JSON.parse(again.stdout)).toEqual({
      archives: [{ organization: 'acme', sink: 'archive', changed: false }],
    });

    const found = await digests();
    expect(found.map(({ payload }) => [payload.reason, payload.nextKey?.keyId])).toEqual([
      ['backfill', undefined],
      ['rotation', newId],
    ]);
    const oldKey = parseSigningKey(await readFile(file('old.pem'), 'utf8')).publicKey;
    expect(oldKey.keyId).toBe(oldId);
    expect(found.map(({ envelope }) => isSignedBy(envelope, oldKey))).toEqual([true, true]);
    expect(await audit(['run', '--once'], 'new.pem')).toMatchObject({ exitCode: 0 });
    expect((await audit(['run', '--once'], 'old.pem')).exitCode).toBe(2);
  });

  it('that is lost is replaced only where the operator insists', async () => {
    await newKey('old.pem');
    const newId = await newKey('new.pem');
    expect(await audit(['backfill'], 'old.pem')).toMatchObject({ exitCode: 0 });
    expect(await audit(['key', 'rotate', '--accept', '--no-input'], 'new.pem')).toMatchObject({
      exitCode: 2,
    });
    expect(await digests()).toHaveLength(1);
    expect(await audit(['key', 'rotate', '--accept', '--yes'], 'new.pem')).toMatchObject({ exitCode: 0 });
    const last = (await digests()).at(-1);
    expect(last?.envelope.signatures.map(({ keyId }) => keyId)).toEqual([newId]);
    expect(last?.payload).toMatchObject({ reason: 'rotation', nextKey: null });
  });
});
