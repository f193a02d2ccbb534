/** Reads the digests of an archive back and holds them to their objects, with code of its own where that is short. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { parseDigest, type DigestPayload } from '../../src/archive/digest/digest-payload.ts';
import { parseEnvelope, type Envelope } from '../../src/archive/digest/envelope.ts';
import { merkleRoot } from '../../src/archive/digest/merkle.ts';

export interface ReadDigest {
  readonly key: string;
  readonly bytes: Buffer;
  readonly envelope: Envelope;
  readonly payload: DigestPayload;
}

/** In the order of their numbers. */
export function readDigests(objects: ReadonlyMap<string, Buffer>): ReadDigest[] {
  return [...objects]
    .filter(([key]) => key.includes('/digests/'))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, bytes]) => {
      const envelope = parseEnvelope(bytes);
      return { key, bytes, envelope, payload: parseDigest(envelope.payload) };
    });
}

/** What all digests of one archive must agree on; returns the payloads. */
export function expectChained(objects: ReadonlyMap<string, Buffer>, organizationId = ''): DigestPayload[] {
  const digests = readDigests(objects);
  const first = digests[0]?.payload;
  let chain = sha256(
    `ccloud-audit-export archive v1\n${first?.ledgerId}\n${organizationId}\n${first?.sink}\n`,
  );
  let previous: DigestPayload['previous'] = null;
  let totals = { objects: 0, entries: 0, sequence: 0 };
  for (const [index, { key, envelope, payload }] of digests.entries()) {
    expect(payload.number).toBe(index + 1);
    expect(key).toBe(`organization=acme/digests/${String(index + 1).padStart(12, '0')}.json`);
    expect(payload.previous).toEqual(previous);
    for (const object of payload.objects) {
      const stored = objects.get(object.key) ?? Buffer.alloc(0);
      const content = gunzipSync(stored);
      const lines = content.toString().split('\n').slice(0, -1);
      expect(object.storedSha256).toBe(sha256(stored).toString('hex'));
      expect(object.storedBytes).toBe(stored.length);
      expect(object.contentSha256).toBe(sha256(content).toString('hex'));
      expect(object.rawBytes).toBe(content.length - lines.length);
      expect(object.entries).toBe(lines.length);
      expect(object.lastSequence).toBe(object.firstSequence + lines.length - 1);
      expect(object.firstId).toBe(idIn(lines[0]));
      expect(object.lastId).toBe(idIn(lines.at(-1)));
      const root = merkleRoot(lines.map(sha256));
      expect(object.merkleRoot).toBe(root.toString('hex'));
      const range = Buffer.alloc(16);
      range.writeBigUInt64BE(BigInt(object.firstSequence), 0);
      range.writeBigUInt64BE(BigInt(object.lastSequence), 8);
      chain = sha256(Buffer.concat([chain, sha256(content), sha256(stored), root, range]));
      expect(object.chainSha256).toBe(chain.toString('hex'));
      totals = {
        objects: totals.objects + 1,
        entries: totals.entries + lines.length,
        sequence: object.lastSequence,
      };
    }
    expect(payload.through).toEqual({ ...totals, chainSha256: chain.toString('hex') });
    previous = { number: payload.number, sha256: sha256(envelope.payload).toString('hex') };
  }
  return digests.map(({ payload }) => payload);
}

/** The keys of entries objects, and those that digests list, each as often as it is listed. */
export function coverage(objects: ReadonlyMap<string, Buffer>): { stored: string[]; listed: string[] } {
  return {
    stored: [...objects.keys()].filter((key) => key.includes('/entries/')).toSorted(),
    listed: readDigests(objects)
      .flatMap(({ payload }) => payload.objects.map(({ key }) => key))
      .toSorted(),
  };
}

function idIn(line = '{}'): unknown {
  return (JSON.parse(line) as { id?: unknown }).id;
}

function sha256(bytes: Buffer | string): Buffer {
  return createHash('sha256').update(bytes).digest();
}
