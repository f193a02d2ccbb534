import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { leaksIn, plantedDatabasePassword, secretsGiven, watchForSecrets } from './planted-secrets.ts';

it('finds the secrets that a program is given, wherever they stand', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planted-'));
  const keyFile = join(folder, 'key.pem');
  await writeFile(keyFile, '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE\n-----END PRIVATE KEY-----\n');
  const config = join(folder, 'config.yaml');
  await writeFile(
    config,
    `organizations: [{ name: acme, apiKey: key-of-acme }]\nstore: { url: "postgres://u:pw-of-store@h/db" }\nsigning: { keyFile: ${keyFile} }\n`,
  );
  const env = { COCKROACH_API_KEY: 'key-in-environment', WAREHOUSE_URL: 'postgres://u:pw-of-sink@h/w' };
  const found = secretsGiven({ words: ['run', '-c', config], env, stdin: 'typed-password\n' });
  await rm(folder, { recursive: true });
  expect(found).toEqual(
    expect.arrayContaining([
      'key-in-environment',
      'pw-of-sink',
      'key-of-acme',
      'pw-of-store',
      'MC4CAQAwBQYDK2VwBCIE',
      'typed-password',
      plantedDatabasePassword,
    ]),
  );
});

it.each([
  ['as it is', 'a/secret "word"'],
  ['encoded for a URL', encodeURIComponent('a/secret "word"')],
  ['in base64', Buffer.from('a/secret "word"').toString('base64')],
  ['escaped in JSON', String.raw`a/secret \"word\"`],
])('recognizes a secret %s', (_, form) => {
  expect(leaksIn(`before ${form} after`, ['a/secret "word"'])).toEqual(['a/secret "word"']);
  expect(leaksIn('before after', ['a/secret "word"'])).toEqual([]);
});

it('throws at the end of a child that printed one, and takes nothing from who reads it', async () => {
  const child = spawn(process.execPath, ['-e', 'console.log("the-planted-secret"); console.error("x")']);
  watchForSecrets(child, ['the-planted-secret']);
  const [atClose] = child.listeners('close');
  child.removeAllListeners('close');
  const closed = once(child, 'close');
  expect(await text(child.stdout)).toBe('the-planted-secret\n');
  child.stderr.resume();
  await closed;
  expect(() => void atClose?.()).toThrow('printed secrets to stdout: the-planted-secret');
});
