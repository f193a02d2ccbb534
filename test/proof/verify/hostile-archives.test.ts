/** Archives that are to keep busy, or to end early, who verifies them. What is wrong is told, and the rest is verified. */
import { sign } from 'node:crypto';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it, describe } from 'vitest';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { ObjectStore } from '../../../src/archive/object-store.ts';
import { inOrder } from '../../../src/proof/verify/in-flight.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';
import type { VerifyOptions } from '../../../src/proof/verify/verify-archive.ts';
import { delegated } from '../../helpers/delegated-store.ts';
import { directoryPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { ordinaryArchive, scenarioKeys } from '../scenario.ts';
import { Tampering } from '../tampering.ts';
import { verifyScenario } from './verify-scenario.ts';

const { signal } = new AbortController();

let place: ArchivePlace;
let store: ObjectStore;
let tampering: Tampering;

beforeEach(async () => {
  place = await directoryPlace();
  store = place.store();
  tampering = new Tampering(place);
  await ordinaryArchive(place);
});

afterEach(async () => {
  await store.close();
  await place.dispose();
});

async function verify(options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return await verifyScenario(store, options);
}

function pathOf(key: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${store.location}/`), Buffer.from(key)]);
}

describe('work on a hostile archive is bounded', () => {
  it('for many lines in a small object, signed or not', async () => {
    const breaks = gzipSync(Buffer.alloc(50_000_000, '\n'));
    await place.plant(await tampering.keyOf(21), gzipSync('{}\n'.repeat(50_000)));
    await place.plant('organization=acme/entries/date=2026-03-03/000000000061.jsonl.gz', breaks);
    const report = await verify();
    expect(report.findingCounts).toMatchObject({ lines_too_many: 2, object_altered: 1 });
    const messages = report.findings.filter(({ code }) => code === 'lines_too_many');
    expect(messages.map(({ message }) => message)).toEqual([
      expect.stringContaining('holds more than 10010 lines'),
      expect.stringContaining('holds more than 1000 lines that are not JSON objects'),
    ]);
  });

  it('for many signatures in a digest', async () => {
    await tampering.replace(tampering.digestKey(6), (bytes) => {
      const envelope = JSON.parse(bytes.toString()) as { signatures: object[] };
      const sig = sign(null, Buffer.from('x'), scenarioKeys.stranger.privateKey).toString('base64');
      const signatures = [...Array.from({ length: 100_000 }, () => ({ sig })), ...envelope.signatures];
      return Buffer.from(JSON.stringify({ ...envelope, signatures }));
    });
    const report = await verify();
    expect(report.findingCounts).toEqual({ digest_signatures_many: 1 });
    expect(report.findings[0]?.message).toContain('000000000006.json');
  });

  it('for a digest that is larger than any', async () => {
    await truncate(pathOf(tampering.digestKey(6)), 513 * 1024 * 1024);
    const report = await verify();
    expect(report.findingCounts).toEqual({ digest_too_large: 1 });
  });

  it('for several large digests, which are not held at once', async () => {
    const held: number[] = [];
    let bytes = 0;
    const work = async (item: { readonly size: number }): Promise<number> => {
      bytes += item.size;
      held.push(bytes);
      return await Promise.resolve(item.size);
    };
    const items = [60, 60, 10, 10, 10, 200, 10].map((size) => ({ size }));
    const results: number[] = [];
    for await (const size of inOrder(items, work, { count: 8, bytesMax: 64, signal })) {
      results.push(size);
      bytes -= size;
    }
    expect(results).toEqual([60, 60, 10, 10, 10, 200, 10]);
    expect(Math.max(...held)).toBe(200);
  });
});

describe('one file that can not be read is a finding, and the rest is verified', () => {
  it('where it is a link to itself', async () => {
    const keys = [
      await tampering.keyOf(21),
      tampering.digestKey(6),
      'organization=acme/archive.json',
    ] as const;
    for (const key of keys) {
      await place.remove(key);
      await symlink(pathOf(key), pathOf(key));
    }
    const report = await verify();
    expect(report.findingCounts).toMatchObject({
      object_unreadable: 1,
      digest_unreadable: 1,
      identity_unreadable: 1,
    });
    expect(
      report.findings.filter(({ message }) => message.includes('ELOOP')).map(({ object }) => object),
    ).toEqual([...keys].toSorted());
  });

  it.each([
    ['not permitted', 'permission_denied'],
    ['refused by its store, as where it is encrypted with a key that is not ours', 'request_refused'],
  ])('where it is %s', async (_what, code) => {
    const refused = await tampering.keyOf(21);
    const denying: ObjectStore = {
      ...delegated(store),
      get: async (key, options) => {
        if (key === refused) throw new SinkError("Can't read it, it says.", { code, retryable: false });
        return await store.get(key, options);
      },
    };
    const report = await verify({ store: denying });
    expect(report.findingCounts).toEqual({ object_unreadable: 1 });
    expect(report.findings[0]?.message).toContain("Can't read it, it says.");
  });

  it.each([
    ['a file', async (path: Buffer) => writeFile(path, 'x')],
    ['a folder', async (path: Buffer) => mkdir(path)],
  ])('where it is %s of a name that is not UTF-8', async (_what, make) => {
    const name = Buffer.concat([Buffer.from('organization=acme/entries/'), Buffer.alloc(100, 0xff)]);
    await make(pathOf(name));
    const report = await verify();
    expect(report.findingCounts).toEqual({ object_foreign: 1 });
  });

  it('but not where the place itself is lost', async () => {
    const lost: ObjectStore = {
      ...delegated(store),
      get: () => Promise.reject(new SinkError('No connection.', { code: 'unreachable', retryable: true })),
    };
    await expect(verify({ store: lost })).rejects.toMatchObject({ code: 'unreachable' });
  });
});
