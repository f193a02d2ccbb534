import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkEntryProof, type EntryProof } from '../../../src/proof/verify/entry-proof.ts';
import { findEntryProof } from '../../../src/proof/verify/find-entry-proof.ts';
import { directoryPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { ordinaryArchive, scenarioKeys, type Scenario } from '../scenario.ts';
import { Tampering } from '../tampering.ts';

const { signal } = new AbortController();
const keys = [scenarioKeys.first.publicKey];
const onUnreadable = (what: string): never => expect.unreachable(what);
const trusting = { keys, allowUnsigned: false };

let place: ArchivePlace;
let scenario: Scenario;

beforeEach(async () => {
  place = await directoryPlace();
  scenario = await ordinaryArchive(place);
});

afterEach(async () => {
  await place.dispose();
});

async function proofOf(id: string): Promise<EntryProof> {
  const proof = await findEntryProof({
    store: place.store(),
    id,
    organizations: undefined,
    onUnreadable,
    signal,
  });
  if (proof === undefined) throw new Error(`no proof of ${id}`);
  return proof;
}

describe('the proof of an entry', () => {
  test.each([1, 2, 10, 11, 25, 60])('holds for entry %i, offline', async (sequence) => {
    const proof = await proofOf(`entry-acme-${sequence}`);
    const verdict = checkEntryProof(JSON.stringify(proof), trusting);
    expect(verdict).toMatchObject({ isProved: true, organization: 'acme', sequence, keyId: keys[0]?.keyId });
    expect(proof.raw).toContain(`"entry-acme-${sequence}"`);
    expect(proof.size).toBe(10);
  });

  test('is found by the hash of the line too, for entries without an id', async () => {
    const { raw, sequence } = await proofOf('entry-acme-14');
    const { createHash } = await import('node:crypto');
    const hash = createHash('sha256').update(raw).digest('hex');
    expect((await proofOf(`sha256:${hash}`)).sequence).toBe(sequence);
  });

  test('does not exist for an id that is not there, or is not signed yet', async () => {
    await scenario.object(3);
    for (const id of ['entry-acme-61', 'nobody', 'entry-acme-1 ']) {
      expect(
        await findEntryProof({ store: place.store(), id, organizations: undefined, onUnreadable, signal }),
      ).toBeUndefined();
    }
  });

  test('follows rotations from the first key', async () => {
    await scenario.rotate(scenarioKeys.second);
    await scenario.object(2);
    await scenario.digest();
    const proof = await proofOf('entry-acme-62');
    expect(proof.rotations).toHaveLength(1);
    expect(checkEntryProof(JSON.stringify(proof), trusting)).toMatchObject({
      isProved: true,
      keyId: scenarioKeys.second.publicKey.keyId,
    });
    expect(checkEntryProof(JSON.stringify({ ...proof, rotations: [] }), trusting)).toMatchObject({
      code: 'proof_untrusted',
    });
  });

  const changes: readonly (readonly [string, (proof: EntryProof) => object, string])[] = [
    [
      'another line',
      (proof) => ({ ...proof, raw: proof.raw.replace('someone', 'nobody') }),
      'proof_not_included',
    ],
    ['another place', (proof) => ({ ...proof, index: proof.index + 1 }), 'proof_not_included'],
    ['a place outside the object', (proof) => ({ ...proof, index: -1 }), 'proof_not_included'],
    [
      'a path that is too short',
      (proof) => ({ ...proof, auditPath: proof.auditPath.slice(1) }),
      'proof_not_included',
    ],
    [
      'another object',
      (proof) => ({ ...proof, object: proof.object.replace('date=', 'day=') }),
      'proof_not_listed',
    ],
    ['no digest', (proof) => ({ ...proof, digest: null }), 'proof_unreadable'],
    ['a path of something else', (proof) => ({ ...proof, auditPath: ['x'] }), 'proof_unreadable'],
    ['another kind', (proof) => ({ ...proof, kind: 'other' }), 'proof_unreadable'],
    ['a list in place of it', () => [], 'proof_unreadable'],
  ];
  test.each(changes)('does not hold with %s', async (_, change, code) => {
    const proof = await proofOf('entry-acme-14');
    const verdict = checkEntryProof(JSON.stringify(change(proof)), trusting);
    expect(verdict).toMatchObject({ isProved: false, code });
  });

  test('does not hold with text that is not JSON', () => {
    expect(checkEntryProof('{', trusting)).toMatchObject({ isProved: false, code: 'proof_unreadable' });
  });

  test('does not hold with a digest of another key, or of none', async () => {
    const tampering = new Tampering(place);
    await tampering.reseal(2, scenarioKeys.stranger);
    const foreign = JSON.stringify(await proofOf('entry-acme-14'));
    expect(checkEntryProof(foreign, trusting)).toMatchObject({ code: 'proof_untrusted' });
    await tampering.reseal(2, undefined);
    const unsigned = JSON.stringify(await proofOf('entry-acme-14'));
    expect(checkEntryProof(unsigned, trusting)).toMatchObject({ code: 'proof_unsigned' });
    const removed = checkEntryProof(unsigned, { keys: [], allowUnsigned: true });
    expect(removed).toMatchObject({ isProved: false, code: 'proof_unsigned' });
    expect(removed).toHaveProperty('message', expect.stringContaining('somebody removed it'));
    await tampering.reseal(2, undefined, (payload) => ({ ...payload, signedFrom: null }));
    const never = JSON.stringify(await proofOf('entry-acme-14'));
    expect(checkEntryProof(never, trusting)).toMatchObject({ code: 'proof_unsigned' });
    expect(checkEntryProof(never, { keys: [], allowUnsigned: true })).toMatchObject({
      isProved: true,
      keyId: null,
    });
  });
});
