import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createS3Sink } from '../../sinks/s3.ts';
import { describeSinkContract, type SinkSetup } from '../contracts/sink-contract.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { plainEntries } from '../helpers/sink-entries.ts';
import { startStrictObjectStore } from '../helpers/strict-object-store.ts';

const { signal } = new AbortController();
const secret = 'a-secret-that-nobody-may-see';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

for (const conditionalWrites of [true, false]) {
  describeSinkContract(`s3, conditionalWrites: ${conditionalWrites ? 'on' : 'off'}`, {
    canBreak: true,
    canLose: true,
    async create(): Promise<SinkSetup> {
      const server = await startStrictObjectStore({ refusesConditions: !conditionalWrites });
      const options = {
        name: 'archive',
        bucket: 'audit',
        prefix: 'cockroach-cloud',
        region: 'us-east-1',
        endpoint: server.url,
        conditionalWrites,
      };
      return {
        sink: createS3Sink(options),
        restart: () => Promise.resolve(createS3Sink(options)),
        readBack: (organization) => Promise.resolve(archivedLines(server.objects(), organization)),
        breakIt: () => server.suspend(),
        repairIt: () => server.resume(),
        loseIt: () => Promise.resolve(server.bucket.clear()),
        secrets: [secret],
        dispose: () => server.close(),
      };
    },
  });
}

describe('the s3 sink', () => {
  test.each([
    ['', 's3://audit'],
    ['/', 's3://audit'],
    ['a', 's3://audit/a'],
    ['/a/b/', 's3://audit/a/b'],
  ])('writes below the prefix %j', async (prefix, fingerprint) => {
    const server = await startStrictObjectStore();
    const sink = createS3Sink({
      name: 'archive',
      bucket: 'audit',
      prefix,
      region: 'us-east-1',
      endpoint: server.url,
    });
    try {
      expect(sink.fingerprint).toBe(`${fingerprint}?endpoint=${new URL(server.url).host}`);
      await sink.open({ signal });
      const receipt = await sink.write({ organization: 'acme', entries: plainEntries(1, 2) }, { signal });
      expect(receipt?.key).toBe('organization=acme/entries/date=2026-03-01/000000000001.jsonl.gz');
      const folder = fingerprint.slice('s3://audit'.length).replace(/^\//, '');
      expect([...server.objects().keys()]).toEqual([
        folder === '' ? receipt?.key : `${folder}/${receipt?.key}`,
      ]);
    } finally {
      await sink.close();
      await server.close();
    }
  });

  test('is told apart by bucket and prefix alone on AWS', () => {
    const sink = createS3Sink({ name: 'archive', bucket: 'acme-audit', prefix: 'x', region: 'eu-west-1' });
    expect(sink.fingerprint).toBe('s3://acme-audit/x');
    expect(sink.type).toBe('s3');
    expect(sink.capabilities).toMatchObject({ repeats: 'absorbed', roll: { entries: 50_000, byDay: true } });
  });

  test.each(['a//b', '../a', 'a/./b', 'a\nb'])('refuses the prefix %j', (prefix) => {
    expect(() => createS3Sink({ name: 'archive', bucket: 'audit', prefix })).toThrow(/can't be part of/);
  });
});
