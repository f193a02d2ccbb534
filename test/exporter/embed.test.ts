import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createArchiveSink } from '../../src/archive/archive-sink.ts';
import { parseEnvelope, isSignedBy } from '../../src/archive/digest/envelope.ts';
import { generateSigningKey, parseSigningKey } from '../../src/archive/digest/signing-key.ts';
import { createFileObjectStore } from '../../src/archive/file-object-store.ts';
import {
  openExport,
  SinkError,
  type Export,
  type ExportSigning,
  type Sink,
  type SinkBatch,
} from '../../src/index.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';

/** What somebody else would write with the contract alone. */
function collectingSink(name: string, batches: SinkBatch[]): Sink & { closed: number } {
  return {
    name,
    type: 'collecting',
    fingerprint: `memory of ${name}`,
    capabilities: { repeats: 'visible' },
    closed: 0,
    open: () => Promise.resolve(),
    attach: () => Promise.resolve(),
    write(batch) {
      if (batch.entries.length === 0) throw new SinkError('empty', { code: 'empty', retryable: false });
      batches.push(batch);
      return Promise.resolve(undefined);
    },
    holds: () => Promise.resolve(false),
    close() {
      this.closed += 1;
      return Promise.resolve();
    },
  };
}

describe('the exporter in another program', () => {
  const releases: (() => Promise<void>)[] = [];
  const { signal } = new AbortController();

  afterEach(async () => {
    for (const release of releases.splice(0).toReversed()) await release();
  });

  async function start(sinks: readonly Sink[]): Promise<{ sandbox: Sandbox; exported: Export }> {
    const sandbox = await startSandbox({ entries: 50 });
    releases.push(() => sandbox.close());
    const database: TestDatabase = await createTestDatabase();
    releases.push(() => database.drop());
    const { url, apiKey } = sandbox;
    const exported = await openExport(
      { store: { url: database.url }, organizations: [{ name: 'acme', url, apiKey }], sinks },
      signal,
    );
    return { sandbox, exported };
  }

  test('backfills into a sink that knows nothing but the contract, and closes it', async () => {
    const batches: SinkBatch[] = [];
    const sink = collectingSink('mine', batches);
    const { exported } = await start([sink]);
    const [result] = await exported.backfill({ signal });
    await exported.close();
    expect(result).toMatchObject({ organization: 'acme', head: 50, added: 50 });
    const sequences = batches.flatMap(({ entries }) => entries.map(({ sequence }) => sequence));
    expect(sequences).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(sink.closed).toBe(1);
  });

  test('tails until it is stopped', async () => {
    const batches: SinkBatch[] = [];
    const { sandbox, exported } = await start([collectingSink('mine', batches)]);
    const stop = new AbortController();
    const running = exported.run({
      signal: stop.signal,
      schedule: { tail: '* * * * * *', rescan: '0 0 * * *' },
    });
    await vi.waitFor(() => expect(count(batches)).toBe(50), { timeout: 20_000 });
    sandbox.append([{}, {}]);
    await vi.waitFor(() => expect(count(batches)).toBe(52), { timeout: 20_000 });
    stop.abort();
    await running;
    await exported.close();
  });

  describe('signs what archives get', () => {
    const [key, other] = [generateSigningKey(), generateSigningKey()];
    let folder: string;
    let sandbox: Sandbox;
    let database: TestDatabase;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'embedded-'));
      releases.push(() => rm(folder, { recursive: true, force: true }));
      sandbox = await startSandbox({ entries: 50 });
      releases.push(() => sandbox.close());
      database = await createTestDatabase();
      releases.push(() => database.drop());
    });

    async function open(signing: ExportSigning | undefined): Promise<Export> {
      const objectStore = createFileObjectStore({ directory: join(folder, 'archive') });
      const { url, apiKey } = sandbox;
      return await openExport(
        {
          store: { url: database.url },
          organizations: [{ name: 'acme', url, apiKey }],
          sinks: [createArchiveSink({ name: 'archive', type: 'file', objectStore })],
          ...(signing === undefined ? {} : { signing }),
        },
        signal,
      );
    }

    /** For each digest, which of the two keys signed it; -1: none of them. */
    async function signers(): Promise<number[]> {
      const digests = join(folder, 'archive/organization=acme/digests');
      const names = (await readdir(digests)).toSorted();
      const envelopes = await Promise.all(names.map((name) => readFile(join(digests, name))));
      const keys = [key, other].map((pem) => parseSigningKey(pem).publicKey);
      return envelopes.map((bytes) => keys.findIndex((one) => isSignedBy(parseEnvelope(bytes), one)));
    }

    test('with a key, or with none', async () => {
      const unsigned = await open(undefined);
      await unsigned.backfill({ signal });
      await unsigned.close();
      sandbox.append([{}]);
      const signed = await open({ key });
      await signed.backfill({ signal });
      await signed.close();
      expect(await signers()).toEqual([-1, 0]);
    });

    test('with the key that its file held when it was opened, whatever becomes of the file', async () => {
      const keyFile = join(folder, 'key.pem');
      await writeFile(keyFile, key);
      const running = await open({ keyFile });
      const stop = new AbortController();
      const ended = running.run({ signal: stop.signal });
      const shot = await open({ key });
      await shot.backfill({ signal });
      await writeFile(keyFile, other);
      sandbox.append([{}]);
      await shot.backfill({ signal });
      await rm(keyFile);
      sandbox.append([{}]);
      await shot.backfill({ signal });
      await shot.close();
      stop.abort();
      await ended;
      await running.close();
      expect(await signers()).toEqual([0, 0, 0]);
      await expect(open({ keyFile })).rejects.toMatchObject({ code: 'secret_unreadable' });
    });

    test('never with a key that the one before did not announce', async () => {
      const first = await open({ key });
      await first.backfill({ signal });
      await first.close();
      sandbox.append([{}]);
      const second = await open({ key: other });
      await expect(second.backfill({ signal })).rejects.toThrow(
        /are to be signed with the key .*start it anew/,
      );
      await second.close();
      expect(await signers()).toEqual([0]);
    });

    test.each<[object, string | RegExp]>([
      [{ key: 'x' }, "The key in `signing` can't sign digests."],
      [{}, '`signing` must have either key or keyFile.'],
      [{ key, keyFile: 'key.pem' }, '`signing` must have either key or keyFile.'],
      [{ keyFile: '/nowhere/key.pem' }, "The file /nowhere/key.pem can't be read: there is no such file."],
    ])('never with what is no key: %#', async (signing, message) => {
      // As from a program that no compiler checked.
      await expect(open(signing as ExportSigning)).rejects.toThrow(message);
    });
  });

  test.each([
    [{ organizations: [] }, 'There is no organization to export.'],
    [{ organizations: [{ name: 'Acme', apiKey: 'x' }] }, /"Acme" does not match/],
    [{ organizations: ['a', 'a'].map((name) => ({ name, apiKey: 'x' })) }, 'The name "a" is given twice.'],
    [{ sinks: [collectingSink('b', []), collectingSink('b', [])] }, 'The name "b" is given twice.'],
  ])('refuses what can not work before it touches anything: %#', async (changes, message) => {
    const options = {
      store: { url: 'postgres://127.0.0.1:1/none' },
      organizations: [{ name: 'a', apiKey: 'x' }],
      sinks: [],
      ...changes,
    };
    await expect(openExport(options, signal)).rejects.toThrow(message);
  });
});

function count(batches: readonly SinkBatch[]): number {
  return batches.reduce((sum, { entries }) => sum + entries.length, 0);
}
