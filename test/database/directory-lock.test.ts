import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquireDirectoryLock, askHolder } from '../../src/database/directory-lock.ts';
import { failureOf } from '../contracts/database-contract.ts';

const compiled = new URL('../../dist/src/database/directory-lock.js', import.meta.url).href;

// Waits for a line on its input, takes the lock, prints what came of it, and gives it back at the next line.
const contender = `
  import { createInterface } from 'node:readline';
  import { acquireDirectoryLock } from ${JSON.stringify(compiled)};
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log('ready');
  await lines.next();
  try {
    const lock = await acquireDirectoryLock(process.argv[1], { command: 'contender', status: async () => ({ isFine: true }) });
    console.log('holds');
    await lines.next();
    await lock.release();
    console.log('released');
  } catch (error) {
    console.log(error.code + ': ' + error.message);
  }
  process.exit();
`;

class Contender {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(directory: string) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', contender, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    return next.done === true ? 'ended' : next.value;
  }

  go(): void {
    this.process.stdin?.write('go\n');
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }
}

describe('the lock of a directory', () => {
  const contenders: Contender[] = [];
  let root: string;
  let directory: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'lock-'));
    directory = path.join(root, 'store');
    await mkdir(directory);
  });
  afterEach(async () => {
    for (const child of contenders.splice(0)) await child.kill();
    await rm(root, { recursive: true, force: true });
  });

  async function contend(count = 1): Promise<Contender[]> {
    const children = Array.from({ length: count }, () => new Contender(directory));
    contenders.push(...children);
    for (const child of children) expect(await child.line()).toBe('ready');
    return children;
  }

  async function startHolder(): Promise<Contender> {
    const [child] = await contend();
    if (child === undefined) throw new Error('No process was started');
    child.go();
    expect(await child.line()).toBe('holds');
    return child;
  }

  test('is refused while another process has it, with the name of that process', async () => {
    const child = await startHolder();
    const error = await failureOf(acquireDirectoryLock(directory));
    expect(error).toMatchObject({ kind: 'held', code: 'store_held' });
    expect(error.message).toContain(`process ${child.process.pid} on ${os.hostname()} (contender), since 20`);
    expect(error.message).toContain(directory);
  });

  test('is refused within one process, too', async () => {
    const lock = await acquireDirectoryLock(directory);
    await expect(acquireDirectoryLock(directory)).rejects.toMatchObject({ code: 'store_held' });
    await lock.release();
  });

  test('is free again after it was given back, and leaves nothing behind', async () => {
    const child = await startHolder();
    child.go();
    expect(await child.line()).toBe('released');
    const lock = await acquireDirectoryLock(directory);
    const names = await readdir(directory);
    expect(names).toHaveLength(1);
    expect((await stat(path.join(directory, names[0] ?? ''))).mode & 0o777).toBe(0o600);
    await lock.release();
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test('is free after its holder was killed', async () => {
    const child = await startHolder();
    await child.kill();
    expect(await readdir(directory)).toHaveLength(1);
    const lock = await acquireDirectoryLock(directory);
    expect(await readdir(directory)).toHaveLength(1);
    await lock.release();
  });

  test('is in use while its holder is stopped', async () => {
    const child = await startHolder();
    child.process.kill('SIGSTOP');
    const error = await failureOf(acquireDirectoryLock(directory));
    expect(error).toMatchObject({ code: 'store_held' });
    expect(error.message).toContain('does not answer');
    await expect(askHolder(directory, 'who', { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'holder_silent',
    });
    child.process.kill('SIGCONT');
    expect(await askHolder(directory, 'who', { timeoutMs: 5000 })).toMatchObject({ pid: child.process.pid });
  });

  test.each([1, 2, 3])('goes to exactly one of six starters that meet a dead holder (round %i)', async () => {
    await (await startHolder()).kill();
    const racers = await contend(6);
    for (const racer of racers) racer.go();
    const outcomes = await Promise.all(racers.map((racer) => racer.line()));
    expect(outcomes.filter((line) => line === 'holds')).toHaveLength(1);
    const winner = racers[outcomes.indexOf('holds')];
    for (const line of outcomes.filter((outcome) => outcome !== 'holds')) {
      expect(line).toContain(
        `store_held: The embedded store in ${directory} is in use by process ${winner?.process.pid}`,
      );
    }
  });

  test('lets the holder be asked, and says when there is none', async () => {
    expect(await askHolder(directory, 'status', { timeoutMs: 1000 })).toBeUndefined();
    const child = await startHolder();
    expect(await askHolder(directory, 'status', { timeoutMs: 5000 })).toEqual({ isFine: true });
    const who = { pid: child.process.pid, command: 'contender', host: os.hostname() };
    expect(await askHolder(directory, 'who', { timeoutMs: 5000 })).toMatchObject(who);
  });

  test('works in a directory whose path does not fit into a socket address', async () => {
    directory = path.join(root, ...Array.from({ length: 6 }, (_, index) => `${index}`.repeat(40)));
    await mkdir(directory, { recursive: true });
    const child = await startHolder();
    expect(await readdir(directory)).toHaveLength(1);
    await expect(acquireDirectoryLock(directory)).rejects.toMatchObject({ code: 'store_held' });
    await child.kill();
    const lock = await acquireDirectoryLock(directory);
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });
});
