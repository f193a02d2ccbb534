import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DigestFormatError } from '../../../src/archive/digest/digest-error.ts';
import {
  encodeDigest,
  parseDigest,
  payloadSha256,
  type DigestPayload,
} from '../../../src/archive/digest/digest-payload.ts';

const hash = 'ab'.repeat(32);
const payload: DigestPayload = {
  formatVersion: 1,
  organization: { name: 'acme', id: null },
  ledgerId: 'f1f7a4e6-1a2b-4c3d-8e9f-001122334455',
  sink: 'archive',
  number: 2,
  previous: { number: 1, sha256: hash },
  createdAt: '2026-01-02T03:04:05.000006Z',
  reason: 'hourly',
  through: { sequence: 3, objects: 1, entries: 3, chainSha256: hash },
  objects: [
    {
      key: 'organization=acme/entries/date=2026-01-02/000000000001.jsonl.gz',
      firstSequence: 1,
      lastSequence: 3,
      entries: 3,
      rawBytes: 300,
      firstCreatedAt: '2026-01-02T03:04:05.000006Z',
      lastCreatedAt: '2026-01-02T03:04:05.000000007Z',
      firstId: 'one',
      lastId: 'three',
      contentSha256: hash,
      storedSha256: hash,
      storedBytes: 120,
      merkleRoot: hash,
      chainSha256: hash,
    },
  ],
  journal: [
    {
      at: '2026-01-02T03:00:00.000000Z',
      what: 'started',
      sink: null,
      detail: { command: 'run' },
      actor: 'a',
    },
  ],
  changes: [
    { entry: 'e', sequence: 1, contentSha256: hash, lineSha256: hash, seenAt: '2026-01-02T03:00:00.000000Z' },
  ],
  nextKey: { keyId: hash, publicKey: 'PEM' },
};

describe('the payload of a digest', () => {
  test('comes back as it was', () => {
    expect(parseDigest(encodeDigest(payload))).toEqual(payload);
    const first: DigestPayload = { ...payload, number: 1, previous: null, nextKey: null };
    expect(parseDigest(encodeDigest(first))).toEqual(first);
  });

  test.each([[undefined], [null], [1]])(
    'comes back with the number from which on digests are signed: %s',
    (signedFrom) => {
      const said: DigestPayload = { ...payload, signedFrom };
      expect(parseDigest(encodeDigest(said))).toEqual(said);
      expect('signedFrom' in parseDigest(encodeDigest(said))).toBe(signedFrom !== undefined);
    },
  );

  test('has the same bytes whatever order its members were put together in', () => {
    const reversed = Object.fromEntries(Object.entries(payload).toReversed()) as unknown as DigestPayload;
    expect(encodeDigest(reversed).equals(encodeDigest(payload))).toBe(true);
    expect(Object.keys(JSON.parse(encodeDigest(reversed).toString()) as object)).toEqual(
      Object.keys(payload),
    );
  });

  test('is named by the hash of its bytes', () => {
    const bytes = encodeDigest(payload);
    expect(payloadSha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('may hold members and reasons that are not known yet', () => {
    const later = { ...payload, reason: 'weekly', added: { more: 1 } };
    expect(parseDigest(Buffer.from(JSON.stringify(later)))).toEqual({ ...payload, reason: 'weekly' });
  });

  const object = payload.objects[0];
  test.each([
    [{ ...payload, formatVersion: 2 }, 'Its format version is 2; this program reads version 1.'],
    [{ ...payload, number: 1.5 }, 'Its number is not a whole number.'],
    [{ ...payload, sink: undefined }, 'Its sink is not text.'],
    [
      { ...payload, createdAt: '2026-01-02' },
      'Its createdAt is not a UTC time with six or nine fraction digits.',
    ],
    [{ ...payload, organization: 'acme' }, 'Its organization is not a JSON object.'],
    [{ ...payload, organization: { name: 'acme' } }, 'Its organization.id is not text.'],
    [
      { ...payload, previous: { number: 1, sha256: 'x' } },
      'Its previous.sha256 is not a SHA-256 in lower-case hex.',
    ],
    [{ ...payload, objects: {} }, 'Its objects is not a list.'],
    [{ ...payload, objects: [object, 1] }, 'Its objects[1] is not a JSON object.'],
    [{ ...payload, objects: [{ ...object, entries: -1 }] }, 'Its objects[0].entries is not a whole number.'],
    [
      { ...payload, journal: [{ ...payload.journal[0], detail: [] }] },
      'Its journal[0].detail is not a JSON object.',
    ],
    [{ ...payload, changes: [{ ...payload.changes[0], entry: 7 }] }, 'Its changes[0].entry is not text.'],
    [{ ...payload, nextKey: undefined }, 'Its nextKey is not a JSON object.'],
    [{ ...payload, signedFrom: '1' }, 'Its signedFrom is not a whole number.'],
    [[], 'It is not a JSON object.'],
  ])('is refused with the member that is wrong (%#)', (value, sentence) => {
    expect(() => parseDigest(Buffer.from(JSON.stringify(value)))).toThrow(new DigestFormatError(sentence));
  });

  test('is refused when it is not UTF-8', () => {
    const bytes = Buffer.from([...encodeDigest(payload), 0xff]);
    expect(() => parseDigest(bytes)).toThrow(new DigestFormatError('It is not JSON in UTF-8.'));
  });
});
