/** The sink contract on an object store that is not ours. Which one is said in the environment: vitest.stores.config.ts. */
import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createS3Sink } from '../../sinks/s3.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import type { Sink } from '../../sinks/sink.ts';
import { createS3ObjectStore } from '../../src/archive/s3-object-store.ts';
import type { S3ObjectStoreOptions } from '../../src/archive/s3-options.ts';
import { describeSinkContract, type SinkSetup } from '../contracts/sink-contract.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { startOutageProxy } from '../helpers/outage-proxy.ts';
import { openS3Place } from '../helpers/s3-place.ts';
import { plainEntries } from '../helpers/sink-entries.ts';
import { realStore } from './real-store.ts';

const { endpoint, bucket, secret, lacks } = realStore();
const { signal } = new AbortController();

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
        ...optionsOf(prefix),
        endpoint: `http://127.0.0.1:${proxy.port}`,
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

describe('a real store', () => {
  const isAtomic = !lacks.has('atomic-conditions');
  const told = isAtomic ? 'one' : 'one or more (S3_TEST_LACKS)';

  test(`keeps one of many objects that are put at once, and tells ${told} that they created it`, async () => {
    const prefix = `race-${randomUUID()}`;
    const place = openS3Place({ endpoint, bucket, prefix });
    const stores = Array.from({ length: 8 }, () => createS3ObjectStore(optionsOf(prefix)));
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
      const creators = outcomes.flatMap((outcome, index) =>
        outcome === 'created' ? [`writer ${index}`] : [],
      );
      const kept = [...(await place.objects()).values()].map(String);
      expect(kept).toHaveLength(1);
      expect(creators).toContain(kept[0]);
      // A store that looks for the object before it takes the body may tell several.
      expect(creators.length).toBeLessThanOrEqual(isAtomic ? 1 : stores.length);
    } finally {
      for (const store of stores) await store.close();
      await place.clear();
      place.close();
    }
  });

  test('has one archive after many ledgers began it at once, and takes entries from that one only', async () => {
    const prefix = `begun-${randomUUID()}`;
    const place = openS3Place({ endpoint, bucket, prefix });
    const sinks = Array.from({ length: 6 }, () => createS3Sink({ name: 'archive', ...optionsOf(prefix) }));
    const outcomes = async (
      call: (sink: Sink, index: number) => Promise<unknown> | undefined,
    ): Promise<unknown[]> => {
      const settled = await Promise.allSettled(sinks.map(async (sink, index) => await call(sink, index)));
      return settled.map((outcome) => (outcome.status === 'rejected' ? codeOf(outcome.reason) : 'done'));
    };
    try {
      const begun = await outcomes((sink, index) =>
        sink.attach(
          {
            organization: 'acme',
            organizationId: undefined,
            ledgerId: `ledger-${index}`,
            last: undefined,
            isKnownObject: () => false,
          },
          { signal },
        ),
      );
      const written = await outcomes((sink, index) =>
        begun[index] === 'done'
          ? sink.write({ organization: 'acme', entries: plainEntries(1, 3) }, { signal })
          : Promise.reject(new SinkError('It did not begin.', { code: 'foreign_writer', retryable: false })),
      );
      expect(written.filter((outcome) => outcome !== 'foreign_writer')).toEqual(['done']);
      const identity = (await place.objects()).get(`${prefix}/organization=acme/archive.json`);
      expect(JSON.parse(identity?.toString() ?? '{}')).toMatchObject({
        ledgerId: `ledger-${written.indexOf('done')}`,
      });
    } finally {
      for (const sink of sinks) await sink.close();
      await place.clear();
      place.close();
    }
  });
});

function codeOf(error: unknown): string {
  return error instanceof SinkError ? error.code : String(error);
}

function optionsOf(prefix: string): S3ObjectStoreOptions {
  return { bucket, prefix, region: 'us-east-1', endpoint, forcePathStyle: true };
}
