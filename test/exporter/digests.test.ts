/** Digests as an exporter makes them: at the end of one-shots, and in a daemon in its intervals. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createFileSink } from '../../sinks/file.ts';
import type { Sink } from '../../sinks/sink.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import { isSignedBy } from '../../src/archive/digest/envelope.ts';
import { generateSigningKey, parseSigningKey } from '../../src/archive/digest/signing-key.ts';
import type { DigestPayload } from '../../src/archive/digest/digest-payload.ts';
import type { DigestSettings } from '../../src/delivery/delivery-options.ts';
import { runDaemon } from '../../src/exporter/daemon.ts';
import type { Exporter } from '../../src/exporter/exporter.ts';
import { runBackfill, runOnce } from '../../src/exporter/one-shot.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { silentLogger } from '../../src/logger.ts';
import { nanosFromMs } from '../../src/time.ts';
import { coverage, expectChained, readDigests } from '../helpers/archive-digests.ts';
import { startExportRun, type ExportRun } from '../helpers/export-run.ts';
import { readFiles } from '../helpers/read-files.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const signal = new AbortController().signal;
const limits = { signal, giveUpAfterMs: 20_000 };
const waiting = { timeout: 20_000, interval: 50 };
const signingKey = parseSigningKey(generateSigningKey());

let run: ExportRun | undefined;
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await run?.close();
  run = undefined;
});

async function start(wrap: (sink: Sink) => Sink = (sink) => sink): Promise<ExportRun> {
  run = await startExportRun({
    sinks: ({ archive }) => [
      wrap(createFileSink({ name: 'disk', directory: archive, roll: { entries: 100 } })),
    ],
  });
  return run;
}

/** Returns what stops it. */
function startDaemon(exporter: Exporter): () => Promise<void> {
  const controller = new AbortController();
  const schedule = { tail: '* * * * * *', rescan: '17 3 * * *' };
  const running = runDaemon(exporter, { schedule, signal: controller.signal });
  // A daemon that dies early fails its test at the stop; until then it must not count as unhandled.
  running.catch(() => undefined);
  const stop = async (): Promise<void> => {
    controller.abort();
    await running;
  };
  stops.push(stop);
  return stop;
}

/** The same exporter in another process, with a client of the archive and a lease of its own. */
async function anotherProcess(current: ExportRun, digests: DigestSettings): Promise<Exporter> {
  const { database, exporter, archive } = current;
  const ledger = await openLedger({
    database,
    schema: exporter.ledger.schema,
    migrate: false,
    leaseMs: 5000,
    logger: silentLogger,
  });
  const sink = createFileSink({ name: 'disk', directory: archive, roll: { entries: 100 } });
  stops.push(() => sink.close());
  return { ...exporter, ledger, digests, sinks: [{ sink, organizations: undefined, from: 'beginning' }] };
}

async function backfill(exporter: Exporter): Promise<void> {
  await runBackfill(exporter, { from: undefined, to: nanosFromMs(Date.now() + 60_000) }, limits);
}

/** The digests, once they are held to their objects and to each other. */
async function payloads(current: ExportRun): Promise<DigestPayload[]> {
  const objects = new Map(await readFiles(current.archive));
  const organizationId = readDigests(objects)[0]?.payload.organization.id;
  return expectChained(objects, organizationId ?? '');
}

async function expectAllListed(current: ExportRun): Promise<void> {
  const { stored, listed } = coverage(new Map(await readFiles(current.archive)));
  expect(stored.length).toBeGreaterThan(0);
  expect(listed).toEqual(stored);
}

describe('a one-shot', () => {
  it('leaves every object in a digest, and makes none when it is run again', async () => {
    const current = await start();
    const exporter = { ...current.exporter, digests: { signingKey } };
    await backfill(exporter);
    await backfill(exporter);
    await runOnce(exporter, limits);
    expect((await payloads(current)).map(({ reason, through }) => [reason, through.entries])).toEqual([
      ['backfill', 300],
    ]);
    current.sandbox.append([{}, {}]);
    await runOnce(exporter, limits);
    expect((await payloads(current)).map(({ through }) => through.entries)).toEqual([300, 302]);
    await expectAllListed(current);
    const digests = readDigests(new Map(await readFiles(current.archive)));
    expect(digests.every(({ envelope }) => isSignedBy(envelope, signingKey.publicKey))).toBe(true);
  });

  it('names the organization by the id that the API told', async () => {
    const current = await start();
    await backfill(current.exporter);
    const info = await current.exporter.organizations[0]?.source.organization({ signal });
    expect((await payloads(current))[0]?.organization).toEqual({ name: 'acme', id: info?.id });
  });

  it('makes the digest that an earlier one did not come to, although there is nothing to feed', async () => {
    let isAway = true;
    const current = await start((sink) => ({
      ...sink,
      writeDigest: async (digest, options) => {
        if (isAway) throw new SinkError('It is away.', { code: 'away', retryable: false });
        await sink.writeDigest?.(digest, options);
      },
    }));
    expect(await rejectionOf(backfill(current.exporter))).toMatchObject({ code: 'away' });
    expect(await payloads(current)).toEqual([]);
    isAway = false;
    await backfill(current.exporter);
    expect(await payloads(current)).toHaveLength(1);
    await expectAllListed(current);
  });

  it('refuses another key than the archive’s as a mistake in the configuration', async () => {
    const current = await start();
    await backfill({ ...current.exporter, digests: { signingKey } });
    current.sandbox.append([{}]);
    const error = await rejectionOf(runOnce(current.exporter, limits));
    expect(error).toMatchObject({ kind: 'usage', code: 'signing_key_changed' });
    await runOnce({ ...current.exporter, digests: { signingKey } }, limits);
    await expectAllListed(current);
  });
});

describe('a daemon', () => {
  it('makes digests in its intervals, also of nothing', async () => {
    const current = await start();
    await backfill(current.exporter);
    startDaemon({ ...current.exporter, digests: { hourlyMs: 100, dailyMs: 3000, lookMs: 50 } });
    current.sandbox.append([{}]);
    // The object is not full; a backfill of another process waits for it.
    await backfill(await anotherProcess(current, {}));
    await vi.waitFor(async () => {
      expect((await payloads(current)).map(({ reason }) => reason)).toContain('daily');
    }, waiting);
    await Promise.all(stops.splice(0).map((stop) => stop()));
    await expectAllListed(current);
  });

  it('shares an archive with others: whoever has the lease goes on with the chain', async () => {
    const current = await start();
    const often = { signingKey, hourlyMs: 1, dailyMs: 200, lookMs: 1 };
    const entriesOf = (found: DigestPayload[]): number => found.at(-1)?.through.entries ?? 0;
    const stopFirst = startDaemon(await anotherProcess(current, often));
    await vi.waitFor(async () => expect((await payloads(current)).length).toBeGreaterThan(2), waiting);
    startDaemon(await anotherProcess(current, often));
    await stopFirst();
    const before = await payloads(current);
    current.sandbox.append(Array.from({ length: 150 }, () => ({})));
    await vi.waitFor(async () => {
      const found = await payloads(current);
      expect(found.length).toBeGreaterThan(before.length + 2);
      expect(entriesOf(found)).toBeGreaterThan(entriesOf(before));
    }, waiting);
    await Promise.all(stops.splice(0).map((stop) => stop()));
    await payloads(current);
    await expectAllListed(current);
  });
});
