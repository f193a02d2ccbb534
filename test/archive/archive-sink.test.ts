import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Attachment, Sink, SinkEntry } from '../../sinks/sink.ts';
import { createArchiveSink } from '../../src/archive/archive-sink.ts';
import { bucketPlace, directoryPlace, type ArchivePlace } from '../helpers/archive-places.ts';
import { alteredEntry, heldEntry, plainEntries, sinkEntry, testDay } from '../helpers/sink-entries.ts';

const { signal } = new AbortController();
const organization = 'acme';
const firstKey = 'organization=acme/entries/date=2026-03-01/000000000001.jsonl.gz';
const dayInNanos = 86_400_000_000_000n;
const places = [
  ['a directory', directoryPlace],
  ['a bucket', bucketPlace],
] as const;

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(places)('an archive in %s', (_, createPlace) => {
  let place: ArchivePlace;
  let sinks: Sink[];

  beforeEach(async () => {
    place = await createPlace();
    sinks = [];
  });

  afterEach(async () => {
    for (const sink of sinks) await sink.close();
    await place.dispose();
  });

  async function openSink(): Promise<Sink> {
    const sink = createArchiveSink({ name: 'archive', type: 'test', objectStore: place.store() });
    sinks.push(sink);
    await sink.open({ signal });
    return sink;
  }

  test('begins with its identity, in words that anybody can read', async () => {
    const sink = await openSink();
    await sink.attach(attachment(), { signal });
    const bytes = (await place.objects()).get('organization=acme/archive.json');
    expect(JSON.parse(bytes?.toString() ?? '')).toEqual({
      formatVersion: 1,
      organization: { name: 'acme', id: 'id-of-acme' },
      ledgerId: 'ledger-one',
    });
  });

  test('keeps one line per entry and says what it stored', async () => {
    const sink = await openSink();
    const entries = plainEntries(1, 3);
    const receipt = await sink.write({ organization, entries }, { signal });
    const stored = (await place.objects()).get(firstKey) ?? Buffer.alloc(0);
    expect(gunzipSync(stored).toString()).toBe(textOf(entries));
    expect(receipt).toEqual({ key: firstKey, storedSha256: sha256(stored), storedBytes: stored.length });
  });

  test('takes more than one block of text', async () => {
    const sink = await openSink();
    const entries = Array.from({ length: 40 }, (__, index) =>
      sinkEntry({ sequence: index + 1, id: `${index}`, raw: `{"n":"${`${index}`.repeat(60_000)}"}` }),
    );
    await sink.write({ organization, entries }, { signal });
    const stored = (await place.objects()).get(firstKey) ?? Buffer.alloc(0);
    expect(gunzipSync(stored).equals(Buffer.from(textOf(entries)))).toBe(true);
    for (const entry of entries) {
      expect(await sink.holds(organization, heldEntry(entry, firstKey), { signal })).toBe(true);
    }
  });

  test.each([0, 1, 9] as const)(
    'adopts its object when another zlib packed it (level %i), and records what is stored',
    async (level) => {
      const sink = await openSink();
      const entries = plainEntries(1, 200);
      const other = gzipSync(textOf(entries), { level });
      await place.plant(firstKey, other);
      const receipt = await sink.write({ organization, entries }, { signal });
      expect(receipt).toEqual({ key: firstKey, storedSha256: sha256(other), storedBytes: other.length });
      expect((await place.objects()).get(firstKey)?.equals(other)).toBe(true);
    },
  );

  const entries = plainEntries(1, 3);
  const own = gzipSync(textOf(entries));
  const [first, ...rest] = entries;
  const foreign: readonly (readonly [string, Buffer])[] = [
    ['of other content', gzipSync(textOf(first === undefined ? [] : [alteredEntry(first), ...rest]))],
    ['with an entry less', gzipSync(textOf(entries.slice(0, 2)))],
    ['with an entry more', gzipSync(textOf(plainEntries(1, 4)))],
    ['without the last line break', gzipSync(textOf(entries).slice(0, -1))],
    ['with a second member behind it', Buffer.concat([own, gzipSync('{"id":"smuggled"}\n')])],
    ['with an empty member behind it', Buffer.concat([own, gzipSync('')])],
    ['with bytes behind it', Buffer.concat([own, Buffer.from('x')])],
    ['cut off', own.subarray(0, -3)],
    ['that is empty', Buffer.alloc(0)],
    ['that is no gzip', Buffer.from(textOf(entries))],
    ['that unpacks to far more', gzipSync(Buffer.alloc(5_000_000))],
    ['that takes far more room', Buffer.alloc(100_000, 1)],
  ];
  test.each(foreign)('stops at an object %s, and leaves it alone', async (__, planted) => {
    const sink = await openSink();
    await place.plant(firstKey, planted);
    await expect(sink.write({ organization, entries }, { signal })).rejects.toMatchObject({
      name: 'SinkError',
      code: 'foreign_writer',
      retryable: false,
    });
    expect((await place.objects()).get(firstKey)?.equals(planted)).toBe(true);
  });

  test('has one object when two writers race with the same batch', async () => {
    const racers = await Promise.all(Array.from({ length: 4 }, openSink));
    const receipts = await Promise.all(
      racers.map((sink) => sink.write({ organization, entries }, { signal })),
    );
    const stored = (await place.objects()).get(firstKey) ?? Buffer.alloc(0);
    for (const receipt of receipts) expect(receipt?.storedSha256).toEqual(sha256(stored));
    expect((await place.objects()).size).toBe(1);
  });

  test('has one winner when two ledgers race for it', async () => {
    const outcomes = await Promise.allSettled(
      ['ledger-one', 'ledger-two'].map(async (ledgerId) => {
        const sink = await openSink();
        await sink.attach(attachment({ ledgerId }), { signal });
      }),
    );
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(lost).toHaveLength(1);
    expect(lost[0]?.reason).toMatchObject({ code: 'foreign_writer', retryable: false });
  });

  test('is left by a ledger whose identity another one replaced, before it writes', async () => {
    const sink = await openSink();
    await sink.attach(attachment(), { signal });
    const identity = { formatVersion: 1, organization: { name: 'acme', id: null }, ledgerId: 'ledger-two' };
    await place.plant('organization=acme/archive.json', Buffer.from(JSON.stringify(identity)));
    const before = await place.objects();
    const digest = { organization, number: 1, bytes: Buffer.from('{}') };
    for (const write of [
      () => sink.write({ organization, entries }, { signal }),
      () => sink.writeDigest?.(digest, { signal }),
    ]) {
      await expect(write()).rejects.toMatchObject({ code: 'foreign_writer', retryable: false });
    }
    expect(await place.objects()).toEqual(before);
  });

  test('stops at the identity of another ledger and names the ways out', async () => {
    await (await openSink()).attach(attachment(), { signal });
    const before = await place.objects();
    const stranger = (await openSink()).attach(attachment({ ledgerId: 'ledger-two' }), { signal });
    await expect(stranger).rejects.toMatchObject({ code: 'foreign_writer', retryable: false });
    await expect(stranger).rejects.toThrow(/restore.*another prefix/);
    expect(await place.objects()).toEqual(before);
  });

  test('stops at the identity of another organization of that name', async () => {
    await (await openSink()).attach(attachment(), { signal });
    const other = (await openSink()).attach(attachment({ organizationId: 'id-of-another' }), { signal });
    await expect(other).rejects.toThrow(/id id-of-acme\), not to acme \(id id-of-another\)/);
    // An id that one side does not know is no contradiction.
    await (await openSink()).attach(attachment({ organizationId: undefined }), { signal });
  });

  test.each([
    '',
    '[]',
    '{"formatVersion":1}',
    '{"formatVersion":"1","organization":{"name":"acme"},"ledgerId":"x"}',
  ])('stops at an identity that is none: %j', async (planted) => {
    await place.plant('organization=acme/archive.json', Buffer.from(planted));
    const claiming = (await openSink()).attach(attachment(), { signal });
    await expect(claiming).rejects.toMatchObject({ code: 'archive_unreadable', retryable: false });
    expect((await place.objects()).get('organization=acme/archive.json')?.toString()).toBe(planted);
  });

  test('stops at a format that it does not write', async () => {
    const identity = { formatVersion: 2, organization: { name: 'acme', id: null }, ledgerId: 'ledger-one' };
    await place.plant('organization=acme/archive.json', Buffer.from(JSON.stringify(identity)));
    const claiming = (await openSink()).attach(attachment(), { signal });
    await expect(claiming).rejects.toThrow(/format version 2; this program writes version 1/);
  });

  test('stops at an object that the store does not know', async () => {
    const sink = await openSink();
    await sink.write({ organization, entries }, { signal });
    const unknown = sink.attach(attachment(), { signal });
    await expect(unknown).rejects.toMatchObject({ code: 'store_older', retryable: false });
    await expect(unknown).rejects.toThrow(new RegExp(`${firstKey}.*the store is older than this archive`));
    await expect(unknown).rejects.toThrow(
      /or the sink had another name\. Run 'ccloud-audit restore', give the sink its old name/,
    );
    await sink.attach(attachment({ isKnownObject: (key) => key === firstKey }), { signal });
  });

  test('finds the unknown object among many known ones, and ignores what is not its own', async () => {
    const sink = await openSink();
    for (let sequence = 1; sequence <= 8; sequence += 1) {
      await sink.write({ organization, entries: plainEntries(sequence, 1) }, { signal });
    }
    await place.plant('organization=acme/entries/date=2026-03-01/.DS_Store', Buffer.from('x'));
    await place.plant('organization=other/entries/date=2026-03-01/000000000001.jsonl.gz', Buffer.from('x'));
    await sink.attach(attachment({ isKnownObject: () => true }), { signal });
    const lastKey = firstKey.replace('01.jsonl', '08.jsonl');
    const unknown = sink.attach(attachment({ isKnownObject: (key) => key !== lastKey }), { signal });
    await expect(unknown).rejects.toThrow(lastKey);
  });

  test('is lost when its identity is gone, also where its last object is there, and is not claimed anew', async () => {
    const sink = await openSink();
    await sink.attach(attachment({}), { signal });
    await sink.write({ organization, entries }, { signal });
    const last = heldEntry(entryAt(entries, 2), firstKey);
    await place.remove('organization=acme/archive.json');
    for (const object of [firstKey, undefined]) {
      const lost = sink.attach(attachment({ last: { ...last, object }, isKnownObject: () => true }), {
        signal,
      });
      await expect(lost).rejects.toMatchObject({ code: 'destination_lost', retryable: false });
    }
    expect([...(await place.objects()).keys()]).toEqual([firstKey]);
    await sink.close();
  });

  test('is lost when its last object is gone, and is not claimed anew', async () => {
    const sink = await openSink();
    await sink.attach(attachment({}), { signal });
    await sink.write({ organization, entries }, { signal });
    const last = heldEntry(entryAt(entries, 2), firstKey);
    await sink.attach(attachment({ last, isKnownObject: () => true }), { signal });
    await place.remove(firstKey);
    await place.remove('organization=acme/archive.json');
    const lost = sink.attach(attachment({ last, isKnownObject: () => true }), { signal });
    await expect(lost).rejects.toMatchObject({ code: 'destination_lost', retryable: false });
    expect((await place.objects()).has('organization=acme/archive.json')).toBe(false);
  });

  test('holds its last entry also when the organization got a new name, or the object is not named', async () => {
    const sink = await openSink();
    await sink.write({ organization, entries }, { signal });
    await sink.write({ organization, entries: plainEntries(4, 2) }, { signal });
    const renamed = { organization: 'acme-new', last: heldEntry(entryAt(entries, 2), firstKey) };
    await sink.attach(attachment(renamed), { signal });
    for (const entry of [...entries, ...plainEntries(4, 2)]) {
      expect(await sink.holds(organization, heldEntry(entry, undefined), { signal })).toBe(true);
    }
    for (const entry of plainEntries(6, 1)) {
      expect(await sink.holds(organization, heldEntry(entry, undefined), { signal })).toBe(false);
    }
    expect(await sink.holds('other', heldEntry(entryAt(entries, 0), undefined), { signal })).toBe(false);
  });

  test('refuses a batch that can not be one object', async () => {
    const sink = await openSink();
    const [one, two, three] = [entryAt(entries, 0), entryAt(entries, 1), entryAt(entries, 2)];
    const tomorrow = { ...two, createdAt: testDay + dayInNanos };
    const broken = sinkEntry({ sequence: 2, id: 'x', raw: '{"id":\n"x"}' });
    for (const batch of [[], [one, three], [two, one], [one, one], [one, tomorrow], [one, broken]]) {
      await expect(sink.write({ organization, entries: batch }, { signal })).rejects.toMatchObject({
        code: 'batch_unusable',
        retryable: false,
      });
    }
    await expect(sink.write({ organization: '../acme', entries }, { signal })).rejects.toMatchObject({
      code: 'key_refused',
    });
    expect(await place.objects()).toEqual(new Map());
  });

  test('files the last and the first nanosecond of two days apart', async () => {
    const sink = await openSink();
    const midnight = testDay - (testDay % dayInNanos) + dayInNanos;
    const keys: (string | undefined)[] = [];
    for (const [sequence, createdAt] of [
      [1, midnight - 1n],
      [2, midnight],
    ] as const) {
      const entry = sinkEntry({ sequence, id: 'x', raw: '{}', createdAt });
      keys.push((await sink.write({ organization, entries: [entry] }, { signal }))?.key);
    }
    expect(keys.map((key) => key?.split('/')[2])).toEqual(['date=2026-03-01', 'date=2026-03-02']);
  });

  test('takes nothing more when it is closed', async () => {
    const sink = await openSink();
    await sink.close();
    await expect(sink.write({ organization, entries }, { signal })).rejects.toMatchObject({
      code: 'sink_closed',
    });
  });
});

describe('an archive in a bucket that misbehaves', () => {
  let place: Awaited<ReturnType<typeof bucketPlace>>;
  let sink: Sink;

  beforeEach(async () => {
    place = await bucketPlace();
    sink = createArchiveSink({ name: 'archive', type: 's3', objectStore: place.store() });
  });

  afterEach(async () => {
    await sink.close();
    await place.dispose();
  });

  test('adopts its own object after the answer to the put was lost', async () => {
    place.server.inject({ operation: 'PutObject', kind: 'commit-then-drop' });
    const receipt = await sink.write({ organization, entries: plainEntries(1, 3) }, { signal });
    const stored = (await place.objects()).get(firstKey) ?? Buffer.alloc(0);
    expect(receipt).toEqual({ key: firstKey, storedSha256: sha256(stored), storedBytes: stored.length });
    expect(place.server.requests.map(({ operation }) => operation)).toEqual([
      'PutObject',
      'PutObject',
      'GetObject',
    ]);
  });

  test('adopts its own object where the store refuses the repeat and hangs up before the refusal is read', async () => {
    const batch = { organization, entries: plainEntries(1, 3) };
    const receipt = await sink.write(batch, { signal });
    place.server.inject({ operation: 'PutObject', kind: 'drop', times: 3 });
    expect(await sink.write(batch, { signal })).toEqual(receipt);
    const digest = { organization, number: 1, bytes: Buffer.from('{}') };
    place.server.inject({ operation: 'PutObject', kind: 'commit-then-drop' });
    place.server.inject({ operation: 'PutObject', kind: 'drop', times: 2 });
    await sink.writeDigest?.(digest, { signal });
    expect((await place.objects()).get('organization=acme/digests/000000000001.json')?.toString()).toBe('{}');
  });

  test('is not believed to hold what was lost with the connection', async () => {
    place.server.inject({ operation: 'PutObject', kind: 'drop', times: 3 });
    const writing = sink.write({ organization, entries: plainEntries(1, 3) }, { signal });
    await expect(writing).rejects.toMatchObject({ code: 'answer_lost', retryable: true });
    expect((await place.objects()).size).toBe(0);
  });

  test('is not believed to be conditional because the answers to the probe were lost', async () => {
    await sink.attach(attachment(), { signal });
    place.server.inject({ operation: 'PutObject', kind: 'drop', times: 3 });
    await expect(sink.attach(attachment(), { signal })).rejects.toMatchObject({ code: 'answer_lost' });
  });

  test('refuses a store that ignores conditions, and harms nothing there', async () => {
    place.server.settings.ignoresConditions = true;
    const claiming = sink.attach(attachment(), { signal });
    await expect(claiming).rejects.toMatchObject({ code: 'conditional_writes_ignored', retryable: false });
    await expect(claiming).rejects.toThrow(/conditionalWrites: off/);
    const before = await place.objects();
    const stranger = createArchiveSink({ name: 'other', type: 's3', objectStore: place.store() });
    await expect(stranger.attach(attachment({ ledgerId: 'ledger-two' }), { signal })).rejects.toMatchObject({
      code: 'foreign_writer',
    });
    await stranger.close();
    expect(await place.objects()).toEqual(before);
  });

  test('notices a store that begins to ignore conditions later', async () => {
    await sink.attach(attachment(), { signal });
    place.server.settings.ignoresConditions = true;
    await expect(sink.attach(attachment(), { signal })).rejects.toMatchObject({
      code: 'conditional_writes_ignored',
    });
  });

  test('leaves one version of every object, whatever is repeated', async () => {
    place.server.settings.isVersioned = true;
    for (let round = 0; round < 3; round += 1) {
      await sink.attach(attachment({ isKnownObject: () => true }), { signal });
      await sink.write({ organization, entries: plainEntries(1, 3) }, { signal });
    }
    const versions = place.server.bucket.allVersions('');
    expect(versions.map(({ key }) => key)).toEqual(['cc/organization=acme/archive.json', `cc/${firstKey}`]);
  });

  test('stops for the missing permission when it may not read what is there', async () => {
    await sink.write({ organization, entries: plainEntries(1, 3) }, { signal });
    place.server.settings.denied = ['GetObject'];
    await expect(sink.write({ organization, entries: plainEntries(1, 3) }, { signal })).rejects.toMatchObject(
      {
        code: 'permission_missing',
        retryable: false,
        message: expect.stringContaining('s3:GetObject'),
      },
    );
  });

  test('tries again when an object is gone between the refusal and the look', async () => {
    await sink.write({ organization, entries: plainEntries(1, 3) }, { signal });
    const store = place.store();
    const vanishing = createArchiveSink({
      name: 'archive',
      type: 's3',
      objectStore: Object.assign(store, { putIfAbsent: () => Promise.resolve('exists' as const) }),
    });
    await place.remove(firstKey);
    await expect(
      vanishing.write({ organization, entries: plainEntries(1, 3) }, { signal }),
    ).rejects.toMatchObject({
      code: 'store_inconsistent',
      retryable: true,
    });
    await vanishing.close();
  });
});

function attachment(changes: Partial<Attachment> = {}): Attachment {
  return {
    organization,
    organizationId: 'id-of-acme',
    ledgerId: 'ledger-one',
    last: undefined,
    isKnownObject: () => false,
    ...changes,
  };
}

function textOf(entries: readonly SinkEntry[]): string {
  return entries.map((entry) => `${entry.raw.toString()}\n`).join('');
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function entryAt(entries: readonly SinkEntry[], index: number): SinkEntry {
  const entry = entries[index];
  if (entry === undefined) throw new Error(`there is no entry at ${index}`);
  return entry;
}
