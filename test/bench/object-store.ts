/** An object store in a process of its own: versitygw where Go can build it, else the strict one of the tests. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../helpers/postgres-server.ts';
import { cacheFolder } from './cache.ts';
import { atExit } from './cleanup.ts';

export interface ObjectStore {
  /** What it is, for the report. */
  readonly name: string;
  readonly url: string;
  readonly bucket: string;
  readonly credentials: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const bucket = 'audit';
const credentials = { AWS_ACCESS_KEY_ID: 'bench-access-key', AWS_SECRET_ACCESS_KEY: 'bench-secret-key' };
const run = promisify(execFile);

export async function startObjectStore(): Promise<ObjectStore> {
  const built = await versitygw();
  return typeof built === 'string' ? await startStrict(built) : await startVersitygw(built);
}

interface Built {
  readonly program: string;
  readonly version: string;
}

/** In the version of docker-compose.yml; or why there is none. */
async function versitygw(): Promise<Built | string> {
  const compose = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  const version = /versity\/versitygw:(v[\d.]+)/.exec(compose)?.[1] ?? '';
  const folder = path.join(await cacheFolder(), `versitygw-${version}`);
  const program = path.join(folder, 'versitygw');
  try {
    await access(program);
  } catch {
    try {
      await run('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${version}`], {
        env: { ...process.env, GOBIN: folder, GOFLAGS: '-modcacherw' },
        timeout: 600_000,
      });
    } catch (error) {
      return `versitygw ${version} could not be built: ${String(error).split('\n')[0] ?? ''}`;
    }
  }
  return { program, version };
}

async function startVersitygw({ program, version }: Built): Promise<ObjectStore> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'bench-buckets-'));
  const buckets = path.join(home, 'buckets');
  const metadata = path.join(home, 'metadata');
  await mkdir(path.join(buckets, bucket), { recursive: true });
  await mkdir(metadata);
  const port = await freePort();
  const child = spawn(program, ['--port', `127.0.0.1:${port}`, 'posix', '--sidecar', metadata, buckets], {
    env: {
      PATH: process.env['PATH'] ?? '',
      ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID,
      ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY,
    },
    stdio: 'ignore',
  });
  const forget = atExit(() => child.kill());
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child);
  const stop = async (): Promise<void> => {
    await end(child);
    forget();
    await rm(home, { recursive: true, force: true });
  };
  return { name: `versitygw ${version} on a local disk`, url, bucket, credentials, stop };
}

async function startStrict(reason: string): Promise<ObjectStore> {
  const script = fileURLToPath(new URL('strict-store-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const name = `the tests' strict object store, in memory (${reason})`;
  return { name, url, bucket, credentials, stop: () => end(child) };
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt += 1) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await delay(50);
    }
  }
  throw new Error(`The object store at ${url} does not answer`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}
