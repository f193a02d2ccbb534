/** The sink contract on an object store that is not ours. Which one is said in the environment: vitest.stores.config.ts. */
import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createS3Sink } from '../../sinks/s3.ts';
import { createS3ObjectStore } from '../../src/archive/s3-object-store.ts';
import { describeSinkContract, type SinkSetup } from '../contracts/sink-contract.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { startOutageProxy } from '../helpers/outage-proxy.ts';
import { openS3Place } from '../helpers/s3-place.ts';

const endpoint = needed('S3_TEST_ENDPOINT');
const bucket = needed('S3_TEST_BUCKET');
const secret = needed('AWS_SECRET_ACCESS_KEY');

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set; see vitest.stores.config.ts`);
  return value;
}

for (const conditionalWrites of [true, false]) {
  describeSinkContract(`s3 on a real store, conditionalWrites: ${conditionalWrites ? 'on' : 'off'}`, {
    canBreak: true,
    canLose: true,
    async create(): Promise<SinkSetup> {
      const prefix = `contract-${randomUUID()}`;
      const place = openS3Place({ endpoint, bucket, prefix });
      const { hostname, port } = new URL(endpoint);
      const proxy = await startOutageProxy({ host: hostname, port: Number(port) });
      const options = {
        name: 'archive',
        bucket,
        prefix,
        region: 'us-east-1',
        endpoint: `http://127.0.0.1:${proxy.port}`,
        forcePathStyle: true,
        conditionalWrites,
      };
      return {
        sink: createS3Sink(options),
        restart: () => Promise.resolve(createS3Sink(options)),
        readBack: async (organization) => archivedLines(await place.objects(), organization),
        breakIt: () => proxy.cut(),
        repairIt: () => proxy.mend(),
        loseIt: () => place.clear(),
        secrets: [secret],
        dispose: async () => {
          await proxy.close();
          await place.clear();
          place.close();
        },
      };
    },
  });
}

describe('an object of a real store', () => {
  test('is put by one of many who try at once', async () => {
    const prefix = `race-${randomUUID()}`;
    const place = openS3Place({ endpoint, bucket, prefix });
    const options = { bucket, prefix, region: 'us-east-1', endpoint, forcePathStyle: true };
    const stores = Array.from({ length: 8 }, () => createS3ObjectStore(options));
    const { signal } = new AbortController();
    try {
      const outcomes = await Promise.all(
        stores.map((store, index) => {
          const bytes = Buffer.from(`writer ${index}`);
          const sha256 = createHash('sha256').update(bytes).digest();
          return store.putIfAbsent('archive.json', bytes, {
            sha256,
            contentType: 'application/json',
            signal,
          });
        }),
      );
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
      const winner = outcomes.indexOf('created');
      expect([...(await place.objects()).values()].map(String)).toEqual([`writer ${winner}`]);
    } finally {
      for (const store of stores) await store.close();
      await place.clear();
      place.close();
    }
  });
});
