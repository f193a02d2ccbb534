/**
 * Secrets that can be recognized are planted wherever the program is given one, and every byte that it prints is searched
 * for them, in every test that starts it. A leak fails the run, whatever the test itself looks at.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** The tests' PostgreSQL trusts everybody, so that a password in its URL is there to be found. */
export const plantedDatabasePassword = 'planted-password-of-the-database';
export const plantedObjectStoreSecret = 'planted-secret-of-the-object-store';

const alwaysPlanted = [plantedDatabasePassword, plantedObjectStoreSecret];

/** Shorter values are words that may stand anywhere. */
const lengthMin = 8;

/** The secrets in the environment, the configuration and on the standard input of a program that is started. */
export function secretsGiven(given: {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
}): string[] {
  const named = Object.entries(given.env).filter(([name]) => /(?:_KEY|SECRET|PASSWORD|TOKEN)$/.test(name));
  const found = [
    ...alwaysPlanted,
    ...named.map(([, value]) => value ?? ''),
    ...Object.values(given.env).flatMap((value) => passwordsIn(value ?? '')),
    ...configurationsOf(given).flatMap(secretsIn),
    given.stdin?.trim() ?? '',
  ];
  return [...new Set(found)].filter((secret) => secret.length >= lengthMin);
}

/**
 * Searches all that the child prints, while it is on its way to whoever reads it. At its end a leak is thrown from the
 * event, where no test can catch it.
 */
export function watchForSecrets(child: ChildProcess, secrets: readonly string[]): void {
  const heard: [stream: string, text: () => string][] = [];
  if (child.stdout !== null) heard.push(['stdout', listen(child.stdout)]);
  if (child.stderr !== null) heard.push(['stderr', listen(child.stderr)]);
  child.once('close', () => {
    for (const [stream, text] of heard) {
      const leaks = leaksIn(text(), secrets);
      if (leaks.length > 0)
        throw new Error(
          `${child.spawnargs.slice(1).join(' ')} printed secrets to ${stream}: ${leaks.join(', ')}`,
        );
    }
  });
}

/** The secrets that stand in a text, as they are or in a usual disguise. */
export function leaksIn(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) =>
    [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      JSON.stringify(secret).slice(1, -1),
    ].some((form) => text.includes(form)),
  );
}

/** What arrives, without taking part in who reads it or how fast. */
function listen(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
    return push(chunk, encoding);
  };
  return () => Buffer.concat(chunks).toString('utf8');
}

function configurationsOf(given: {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}): string[] {
  const at = given.words.findIndex((word) => word === '-c' || word === '--config');
  const paths = [at === -1 ? undefined : given.words[at + 1], given.env['CCLOUD_AUDIT_CONFIG']];
  return paths.flatMap((path) => readIfThere(path));
}

function readIfThere(path: string | undefined): string[] {
  if (path === undefined) return [];
  try {
    return [readFileSync(path, 'utf8')];
  } catch (error) {
    // That a file is not there is what some tests are about.
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}

function secretsIn(configuration: string): string[] {
  const keys = [...configuration.matchAll(/apiKey["']?\s*:\s*["']?([^"'\s,}]+)/g)].map(([, key = '']) => key);
  const files = [...configuration.matchAll(/[kK]eyFile["']?\s*:\s*["']?([^"'\s,}]+)/g)].map(
    ([, path = '']) => path,
  );
  return [
    ...keys.filter((key) => !key.startsWith('${')),
    ...passwordsIn(configuration),
    ...files.flatMap(readIfThere).flatMap(keyLines),
  ];
}

function passwordsIn(text: string): string[] {
  return [...text.matchAll(/:\/\/[^\s:@/"']*:([^\s@/"']+)@/g)].map(([, password = '']) => password);
}

/** An API key, or the secret lines of a PEM. */
function keyLines(text: string): string[] {
  const isPublic = text.includes('PUBLIC KEY');
  return isPublic
    ? []
    : text.split('\n').filter((line) => line.length >= lengthMin && !line.startsWith('-----'));
}
