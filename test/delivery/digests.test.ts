import { beforeEach, describe, expect, it, vi } from 'vitest';
import { isSignedBy } from '../../src/archive/digest/envelope.ts';
import { createDigestDelivery } from '../../src/delivery/digest-delivery.ts';
import { append } from '../../src/ledger/append.ts';
import { coverage, expectChained, readDigests } from '../helpers/archive-digests.ts';
import { bucketPlace, directoryPlace } from '../helpers/archive-places.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createScriptedSink } from '../helpers/scripted-sink.ts';
import { readLease, testEntry } from '../helpers/test-ledger.ts';
import { deliver, digestStage, signingKey } from './digest-stage.ts';

const { signal } = new AbortController();
const stage = digestStage();
const { begin, fill, age, payloads, logged } = stage;
const places = [
  ['a directory', directoryPlace],
  ['a bucket', bucketPlace],
] as const;

async function journal(id: string, at: string, organization: number | 'NULL'): Promise<void> {
  await stage.test.rows(`INSERT INTO ledger.journal_entries (id, at, organization, what, detail, actor)
    VALUES ('${id}', ${at}, ${organization}, 'late_entries', '{"n":1}', 'somebody')`);
}

/** The next commit after a statement fails, before or after it is carried out. */
function failCommitAfter(pattern: RegExp, when: 'before' | 'after'): void {
  stage.test.faults.callAfter(pattern, () => {
    if (when === 'before') stage.test.faults.failBefore(/^COMMIT/, 'ECONNRESET');
    else stage.test.faults.failAfter(/^COMMIT/, 'ECONNRESET');
  });
}

describe.each(places)('digests of an archive in %s', (_, createPlace) => {
  beforeEach(async () => {
    stage.place = await createPlace();
  });

  it('list every object once, chained and signed, over many digests', async () => {
    const running = await begin();
    for (let round = 0; round < 4; round += 1) {
      await fill(round * 7 + 1, 7);
      await deliver(running);
    }
    const objects = await stage.place.objects();
    const { stored, listed } = coverage(objects);
    expect(listed).toEqual(stored);
    expect(stored).toHaveLength(12);
    const found = expectChained(objects);
    expect(found.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'backfill'));
    expect(found.at(-1)?.through).toMatchObject({ sequence: 28, objects: 12, entries: 28 });
    expect(found[0]).toMatchObject({
      organization: { name: 'acme', id: null },
      ledgerId: stage.test.ledger.ledgerId,
      sink: 'archive',
      nextKey: null,
    });
    for (const { envelope } of readDigests(objects)) {
      expect(isSignedBy(envelope, signingKey.publicKey)).toBe(true);
      expect(envelope.signatures.map(({ keyId }) => keyId)).toEqual([signingKey.publicKey.keyId]);
    }
  });

  it('are not signed without a key, and chained all the same', async () => {
    await fill(1, 3);
    await deliver(await begin({}));
    expect(readDigests(await stage.place.objects()).map(({ envelope }) => envelope.signatures)).toEqual([[]]);
    expect(await payloads()).toHaveLength(1);
  });

  it('adopt what an earlier attempt put, and stop at anything else under their name', async () => {
    await fill(1, 3);
    const lost = await begin(undefined, {
      sink: (made) => ({
        ...made,
        writeDigest: async (digest, options) => {
          await made.writeDigest?.(digest, options);
          throw new Error('the answer was lost');
        },
      }),
    });
    await lost.delivery.feed({ flush: true, signal });
    expect((await rejectionOf(lost.delivery.writeDigests('end', signal))).message).toBe(
      'the answer was lost',
    );
    await lost.lease.release();
    const [put] = readDigests(await stage.place.objects());
    const next = await begin();
    await deliver(next);
    expect(readDigests(await stage.place.objects()).map(({ bytes }) => bytes)).toEqual([put?.bytes]);

    await fill(4, 3);
    await next.delivery.feed({ flush: true, signal });
    const key = 'organization=acme/digests/000000000002.json';
    await stage.place.plant(key, Buffer.from('{}\n'));
    const error = await rejectionOf(next.delivery.writeDigests('end', signal));
    expect(error).toMatchObject({ code: 'foreign_writer', retryable: false });
    expect(error.message).toContain(key);
    expect((await stage.place.objects()).get(key)?.toString()).toBe('{}\n');
  });

  it('that the store does not know stop an archive as one that is newer than the store', async () => {
    const running = await begin();
    await running.lease.release();
    await stage.place.plant('organization=acme/digests/000000000001.json', Buffer.from('{}\n'));
    const error = await rejectionOf(begin());
    expect(error).toMatchObject({ code: 'store_older' });
    expect(error.message).toContain('organization=acme/digests/000000000001.json');
  });
});

describe('digests in a bucket', () => {
  it('are put once when the answer to the put is lost', async () => {
    const bucket = await bucketPlace();
    stage.place = bucket;
    await fill(1, 3);
    const running = await begin();
    await running.delivery.feed({ flush: true, signal });
    bucket.server.inject({ operation: 'PutObject', kind: 'commit-then-drop', key: '/digests/' });
    await running.delivery.writeDigests('end', signal);
    expect(await payloads()).toHaveLength(1);
    const puts = bucket.server.requests.filter(
      ({ operation, key }) => operation === 'PutObject' && key.includes('/digests/'),
    );
    expect(puts.length).toBeGreaterThan(1);
    for (const { headers } of puts) expect(headers['if-none-match']).toBe('*');
  });
});

describe('digests', () => {
  beforeEach(async () => {
    stage.place = await directoryPlace();
  });

  it('are due an hour after the last where something was written', async () => {
    const running = await begin();
    await fill(1, 3);
    await deliver(running, 'due');
    await age('59 minutes');
    await deliver(running, 'due');
    expect(await payloads()).toEqual([]);
    await age('2 minutes');
    await deliver(running, 'due');
    await fill(4, 3);
    await deliver(running, 'due');
    expect((await payloads()).map(({ reason }) => reason)).toEqual(['hourly']);
    await age('61 minutes');
    await deliver(running, 'due');
    expect((await payloads()).map(({ reason }) => reason)).toEqual(['hourly', 'hourly']);
  });

  it('are due a day after the last where nothing was written, and say so', async () => {
    const running = await begin();
    await age('23 hours');
    await deliver(running, 'due');
    expect(await payloads()).toEqual([]);
    await age('2 hours');
    await deliver(running, 'due');
    await deliver(running, 'due');
    await age('25 hours');
    await deliver(running, 'due');
    const found = await payloads();
    expect(found.map(({ reason }) => reason)).toEqual(['daily', 'daily']);
    expect(found.map(({ objects }) => objects)).toEqual([[], []]);
    expect(found[1]?.through).toEqual(found[0]?.through);
    expect(found[0]?.through).toMatchObject({ sequence: 0, objects: 0, entries: 0 });
  });

  it('come in the intervals that were asked for', async () => {
    const running = await begin({ hourlyMs: 60_000, dailyMs: 120_000 });
    await age('61 seconds');
    await deliver(running, 'due');
    expect(await payloads()).toEqual([]);
    await fill(1, 1);
    await deliver(running, 'due');
    await age('121 seconds');
    await deliver(running, 'due');
    expect((await payloads()).map(({ reason }) => reason)).toEqual(['hourly', 'daily']);
  });

  it('ask the store seldom', async () => {
    const running = await begin({ lookMs: 3_600_000 });
    await deliver(running, 'due');
    await age('2 days');
    stage.test.faults.clear();
    await running.delivery.writeDigests('due', signal);
    expect(stage.test.faults.seen).toEqual([]);
    expect(await payloads()).toEqual([]);
  });

  it('are not made at the end of a one-shot that wrote nothing', async () => {
    const running = await begin();
    await fill(1, 3);
    await deliver(running);
    await deliver(running);
    expect(await payloads()).toHaveLength(1);
  });

  it('name no object before it is confirmed', async () => {
    await fill(1, 5);
    stage.test.faults.failBefore(/UPDATE \S+objects SET confirmed_at/, '57P01', 1);
    const running = await begin();
    await rejectionOf(running.delivery.feed({ flush: true, signal }));
    await age('2 days');
    await running.delivery.writeDigests('due', signal);
    expect((await payloads())[0]?.objects).toEqual([]);
    await deliver(running);
    expect(coverage(await stage.place.objects())).toMatchObject({
      listed: coverage(await stage.place.objects()).stored,
    });
  });

  it('become several in a row where there is much to list', async () => {
    await fill(1, 30);
    const running = await begin({ signingKey, limits: { objects: 4, journal: 100, changes: 100 } });
    await deliver(running);
    const found = await payloads();
    expect(found.map(({ objects }) => objects.length)).toEqual([4, 4, 2]);
    for (let line = 0; line < 250; line += 1) {
      await journal(`00000000-0000-4000-8000-${String(line).padStart(12, '0')}`, 'now()', 'NULL');
    }
    await age('25 hours');
    await deliver(running, 'due');
    const later = (await payloads()).slice(3);
    expect(later.map((payload) => payload.journal.length)).toEqual([100, 100, 50]);
    expect(later.map(({ reason }) => reason)).toEqual(['daily', 'daily', 'daily']);
  });

  it('list each line of the journal once, also one that is committed later than its time', async () => {
    const running = await begin();
    await age('25 hours');
    await deliver(running, 'due');
    const mine = stage.test.organization.id;
    await journal('00000000-0000-4000-8000-000000000001', "now() - CAST('3 days' AS interval)", mine);
    await journal('00000000-0000-4000-8000-000000000002', "now() - CAST('2 days' AS interval)", 'NULL');
    await journal('00000000-0000-4000-8000-000000000003', 'now()', mine + 1);
    await age('25 hours');
    await deliver(running, 'due');
    await age('25 hours');
    await deliver(running, 'due');
    const lines = (await payloads()).map(({ journal: list }) => list.map(({ what }) => what));
    expect(lines[0]).toEqual(['organization_added', 'delivery_added']);
    expect(lines.slice(1)).toEqual([['late_entries', 'late_entries'], []]);
    expect((await payloads())[1]?.journal[0]).toMatchObject({
      sink: null,
      detail: { n: 1 },
      actor: 'somebody',
    });
  });

  it('list each changed entry once, and an hour is enough for one', async () => {
    const running = await begin();
    await fill(1, 2);
    await deliver(running);
    const lease = await readLease(stage.test.ledger, stage.test.organization);
    const changed = testEntry(1, { rest: ',"action":"altered"' });
    await append(stage.test.ledger, lease, { entries: [changed], move: { kind: 'none' } });
    await lease.release();
    await age('61 minutes');
    await deliver(running, 'due');
    await age('25 hours');
    await deliver(running, 'due');
    const found = await payloads();
    expect(found.map(({ reason }) => reason)).toEqual(['backfill', 'hourly', 'daily']);
    expect(found.map(({ changes }) => changes.length)).toEqual([0, 1, 0]);
    expect(found[1]?.changes[0]).toMatchObject({
      entry: changed.key,
      sequence: 1,
      lineSha256: changed.lineSha256.toString('hex'),
      contentSha256: changed.contentSha256().toString('hex'),
    });
    expect(found[1]?.journal.map(({ what }) => what)).toContain('changed_entry');
  });

  it('say the same of objects that a program without digests confirmed', async () => {
    await fill(1, 7);
    const running = await begin();
    await running.delivery.feed({ flush: true, signal });
    await stage.test.rows('DELETE FROM ledger.object_evidence');
    await running.delivery.writeDigests('end', signal);
    expect((await payloads())[0]?.objects).toHaveLength(3);
  });

  it('are made of the ledger’s keys where the text of such objects is gone', async () => {
    await fill(1, 3);
    const running = await begin();
    await running.delivery.feed({ flush: true, signal });
    await stage.test.rows('DELETE FROM ledger.object_evidence');
    await stage.test.rows('DELETE FROM ledger.segments');
    await running.delivery.writeDigests('end', signal);
    expect((await payloads())[0]?.objects[0]?.firstId).toBe(testEntry(1).key);
  });

  it('are not made of a ledger that lost rows', async () => {
    await fill(1, 3);
    const running = await begin();
    await running.delivery.feed({ flush: true, signal });
    await stage.test.rows('DELETE FROM ledger.object_evidence');
    await stage.test.rows('DELETE FROM ledger.ledger_rows WHERE sequence = 2');
    const error = await rejectionOf(running.delivery.writeDigests('end', signal));
    expect(error).toMatchObject({ kind: 'store', code: 'row_missing' });
    expect(readDigests(await stage.place.objects())).toEqual([]);
  });

  const steps: readonly (readonly [string, () => void])[] = [
    ['before the plan', () => stage.test.faults.failBefore(/INSERT INTO \S+\.digests/, '57P01')],
    ['in the plan', () => stage.test.faults.failBefore(/INSERT INTO \S+\.digest_changes/, '57P01')],
    ['in the commit of the plan', () => failCommitAfter(/INSERT INTO \S+\.digest_changes/, 'before')],
    ['after the plan, unheard', () => failCommitAfter(/INSERT INTO \S+\.digest_changes/, 'after')],
    [
      'before the confirmation',
      () => stage.test.faults.failBefore(/UPDATE \S+\.digests SET confirmed/, '57P01'),
    ],
    ['after the confirmation, unheard', () => failCommitAfter(/UPDATE \S+\.digests SET confirmed/, 'after')],
  ];

  it.each(steps)('come out whole from a failure %s, in this process and in the next', async (__, inject) => {
    await fill(1, 7);
    const running = await begin();
    await running.delivery.feed({ flush: true, signal });
    inject();
    await rejectionOf(running.delivery.writeDigests('end', signal));
    expect(stage.test.faults.remaining).toBe(0);
    await deliver(running);
    await fill(8, 3);
    await running.delivery.feed({ flush: true, signal });
    inject();
    await rejectionOf(running.delivery.writeDigests('end', signal));
    await running.lease.release();
    const next = await stage.test.connect();
    await deliver(await begin(undefined, { process: next }));
    const objects = await stage.place.objects();
    expect(expectChained(objects)).toHaveLength(2);
    expect(coverage(objects).listed).toEqual(coverage(objects).stored);
    expect(await stage.test.rows('SELECT number FROM ledger.digests WHERE confirmed_at IS NULL')).toEqual([]);
  });

  it('are the planned ones after a take-over, and who lost the lease commits nothing', async () => {
    await fill(1, 3);
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = await begin(undefined, {
      sink: (made) => ({
        ...made,
        writeDigest: async (digest, options) => {
          await held;
          await made.writeDigest?.(digest, { ...options, signal });
        },
      }),
    });
    await slow.delivery.feed({ flush: true, signal });
    const late = rejectionOf(slow.delivery.writeDigests('end', signal));
    await vi.waitFor(async () => {
      expect(await stage.test.rows('SELECT number FROM ledger.digests')).toHaveLength(1);
    });
    await stage.test.rows("UPDATE ledger.deliveries SET lease_until = now() - CAST('1 second' AS interval)");
    const other = await stage.test.connect();
    const next = await begin(undefined, { process: other });
    await deliver(next);
    await fill(4, 3);
    await deliver(next);
    const before = await stage.place.objects();
    release?.();
    expect(await late).toMatchObject({ code: 'lease_lost' });
    expect(await stage.place.objects()).toEqual(before);
    expect(await payloads()).toHaveLength(2);
  });

  it('are put under the organization’s name of their plan', async () => {
    await fill(1, 3);
    const running = await begin(undefined, {
      sink: (made) => ({ ...made, writeDigest: () => Promise.reject(new Error('away')) }),
    });
    await running.delivery.feed({ flush: true, signal });
    await rejectionOf(running.delivery.writeDigests('end', signal));
    await running.lease.release();
    await stage.test.rows("UPDATE ledger.organizations SET name = 'other'");
    const made = await begin();
    const renamed = { ...made.options, organization: { ...stage.test.organization, name: 'other' } };
    await createDigestDelivery(renamed)?.write('end', signal);
    expect(await payloads()).toHaveLength(1);
  });

  it('are not asked of a sink that keeps none', async () => {
    const sink = createScriptedSink();
    const running = await begin(undefined, { sink: () => sink });
    await age('2 days');
    stage.test.faults.clear();
    await running.delivery.writeDigests('end', signal);
    expect(stage.test.faults.seen).toEqual([]);
  });

  it('are told to the log with number, hash and key, and never anything private', async () => {
    await fill(1, 3);
    await deliver(await begin());
    const [digest] = readDigests(await stage.place.objects());
    const line = logged.find(({ message }) => message === 'digest written');
    const [following] = await stage.test.rows(
      "SELECT encode(payload_sha256, 'hex') AS hash FROM ledger.digests",
    );
    expect(line?.fields).toMatchObject({
      digest: 1,
      payloadSha256: Object.values(following ?? {})[0],
      keyId: signingKey.publicKey.keyId,
    });
    const pem = signingKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const secret = pem.split('\n')[1] ?? '';
    expect(secret).toHaveLength(64);
    expect(JSON.stringify(logged)).not.toContain(secret);
    expect(digest?.bytes.toString()).not.toContain(secret);
  });
});
