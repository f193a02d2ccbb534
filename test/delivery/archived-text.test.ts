import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileSink } from '../../sinks/file.ts';
import type { Sink } from '../../sinks/sink.ts';
import { archiveTextOf } from '../../src/delivery/archived-objects.ts';
import { startDelivery } from '../../src/delivery/delivery.ts';
import { silentDeliveryObserver } from '../../src/delivery/delivery-observer.ts';
import { findDelivery, registerDelivery } from '../../src/ledger/deliveries.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { moveOffset } from '../../src/ledger/offsets.ts';
import { underDeliveryLease } from '../../src/ledger/operator-lease.ts';
import { pruneSegments } from '../../src/ledger/prune.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { silentLogger } from '../../src/logger.ts';
import { createFilledLedger, leaseOf, rawOf, type FilledLedger } from '../helpers/filled-ledger.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const { signal } = new AbortController();
let filled: FilledLedger;
let directory: string;
let archive: Sink;
let another: Sink;
/** With the archive's objects to read from. */
let ledger: Ledger;

/** Forty entries in four segments, all archived in objects of seven, the first three segments pruned. */
beforeEach(async () => {
  filled = await createFilledLedger();
  directory = await mkdtemp(join(tmpdir(), 'archived-text-'));
  archive = createFileSink({ name: 'disk', directory: join(directory, 'disk'), roll: { entries: 7 } });
  another = createFileSink({ name: 'later', directory: join(directory, 'later'), roll: { entries: 9 } });
  ledger = { ...filled.ledger, archiveText: archiveTextOf([archive, another], signal) };
  for (let segment = 0; segment < 4; segment += 1) await filled.fill(10);
  await feed(archive, filled.ledger);
  await filled.run(`UPDATE ledger.segments SET appended_at = now() - interval '1 day'`);
  const lease = await leaseOf(filled.ledger, { work: 'read', organization: filled.organization.id });
  const options = { organization: filled.organization.id, retentionMs: 1000 };
  const pruned = await pruneSegments(filled.ledger, lease, options);
  if (pruned.entries !== 30) throw new TypeError('the text was not pruned');
  await lease.release();
});

afterEach(async () => {
  await archive.close();
  await another.close();
  await filled.close();
  await rm(directory, { recursive: true, force: true });
});

async function feed(sink: Sink, from: Ledger): Promise<void> {
  const { organization } = filled;
  const delivery = await registerDelivery(from, {
    organization: organization.id,
    sink: sink.name,
    type: sink.type,
    fingerprint: sink.fingerprint,
    from: 'beginning',
  });
  await sink.open({ signal });
  await underDeliveryLease(from, { delivery, organization: organization.name }, async (lease) => {
    const observer = silentDeliveryObserver;
    const options = {
      ledger: from,
      lease,
      organization,
      sink,
      observer,
      logger: silentLogger,
      abort: signal,
    };
    const running = await startDelivery(options, signal);
    await running.feed({ flush: true, signal });
  });
}

async function objectFile(sequence: number): Promise<string> {
  const files = await readdir(directory, { recursive: true });
  const file = files.find((name) => name.endsWith(`${String(sequence).padStart(12, '0')}.jsonl.gz`));
  return join(directory, file ?? 'missing');
}

describe('raw text that was pruned', () => {
  it('is read back from the archive, entry by entry as it was', async () => {
    for (const sequence of [1, 7, 8, 30]) {
      const segment = await readSegmentFrom(ledger, filled.organization.id, sequence);
      expect(segment?.entries[0]).toMatchObject({ sequence, raw: Buffer.from(rawOf(sequence)) });
    }
    expect((await readSegmentFrom(ledger, filled.organization.id, 31))?.firstSequence).toBe(31);
    expect(await readSegmentFrom(ledger, filled.organization.id, 41)).toBeUndefined();
  });

  it('feeds a sink that is added later with everything', async () => {
    await feed(another, ledger);
    const delivery = await findDelivery(ledger, filled.organization.id, 'later');
    expect(delivery?.offset).toBe(40);
    const { rows } = await ledger.database.query<{ key: string; bytes: string }>(
      `SELECT key, raw_bytes + entries AS bytes FROM ledger.objects WHERE sink = 'later' ORDER BY first_sequence`,
    );
    let content = '';
    for (const { key, bytes } of rows) {
      content += String(await another.read?.({ key, bytes: Number(bytes) }, { signal }));
    }
    const lines = Array.from({ length: 40 }, (_, index) => `${rawOf(index + 1)}\n`);
    expect(content).toBe(lines.join(''));
  });

  it('is missed where no archive of the configuration holds it', async () => {
    for (const without of [
      filled.ledger,
      { ...filled.ledger, archiveText: archiveTextOf([another], signal) },
    ]) {
      expect(await rejectionOf(readSegmentFrom(without, filled.organization.id, 5))).toMatchObject({
        code: 'segment_missing',
      });
    }
    await rm(await objectFile(1));
    expect(await rejectionOf(readSegmentFrom(ledger, filled.organization.id, 5))).toMatchObject({
      code: 'segment_missing',
    });
  });

  it('is not believed where the object is not what was written', async () => {
    const file = await objectFile(1);
    const stored = await readFile(file);
    const altered = gunzipSync(stored).toString().replace('"n":3', '"n":8');
    await rm(file);
    await writeFile(file, gzipSync(altered));
    const refusal = await rejectionOf(readSegmentFrom(ledger, filled.organization.id, 5));
    expect(refusal).toMatchObject({ code: 'archive_differs' });
    expect(refusal.message).toMatch(/the sink "disk"/);
    await rm(file);
    await writeFile(file, Buffer.concat([stored, Buffer.alloc(5000)]));
    expect(await rejectionOf(readSegmentFrom(ledger, filled.organization.id, 5))).toMatchObject({
      code: 'segment_missing',
    });
    await rm(file);
    await writeFile(file, stored);
    expect((await readSegmentFrom(ledger, filled.organization.id, 5))?.entries).toHaveLength(3);
    await filled.run(`UPDATE ledger.ledger_rows SET line_sha256 = '\\x00' WHERE sequence = 3`);
    expect(await rejectionOf(readSegmentFrom(ledger, filled.organization.id, 5))).toMatchObject({
      code: 'archive_differs',
    });
  });

  it('lets an offset go back to it', async () => {
    const delivery = await filled.addDelivery('warehouse', { offset: 40 });
    const moved = await underDeliveryLease(ledger, { delivery, organization: 'acme' }, (lease) =>
      moveOffset(ledger, lease, { delivery, move: { to: 4, skip: false } }),
    );
    expect(moved).toMatchObject({ to: 4 });
  });
});
