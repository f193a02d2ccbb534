import { afterEach, describe, expect, test, vi } from 'vitest';
import { openExport, SinkError, type Export, type Sink, type SinkBatch } from '../../src/index.ts';
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
