import { beforeEach, describe, expect, it } from 'vitest';
import { encodeDigest, parseDigest, payloadSha256 } from '../../src/archive/digest/digest-payload.ts';
import { isSignedBy, sealDigest } from '../../src/archive/digest/envelope.ts';
import { generateSigningKey, parseSigningKey } from '../../src/archive/digest/signing-key.ts';
import { digestKey } from '../../src/archive/layout.ts';
import { readDigests } from '../helpers/archive-digests.ts';
import { directoryPlace } from '../helpers/archive-places.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { deliver, digestStage, rotate, signingKey, type Running } from './digest-stage.ts';

const { signal } = new AbortController();
const stage = digestStage();
const { begin, fill, age, payloads, logged } = stage;

describe('the key of an archive', () => {
  const nextKey = parseSigningKey(generateSigningKey());

  beforeEach(async () => {
    stage.place = await directoryPlace();
    await fill(1, 3);
  });

  it('is changed by a digest of the old one that names the new one', async () => {
    const running = await begin();
    await running.delivery.feed({ flush: true, signal });
    expect(await rotate(running, { kind: 'to', nextKey: nextKey.publicKey })).toBe(true);
    expect(await rotate(running, { kind: 'to', nextKey: nextKey.publicKey })).toBe(false);
    await running.lease.release();

    const refused = await rejectionOf(begin());
    expect(refused).toMatchObject({ kind: 'usage', code: 'signing_key_changed' });
    expect(refused.message).toContain(nextKey.publicKey.keyId);
    expect(refused.message).toContain('it is read when the program starts');
    expect(logged.find(({ message }) => message === 'signing key changed')?.fields).toEqual({
      digest: 2,
      from: signingKey.publicKey.keyId,
      to: nextKey.publicKey.keyId,
    });

    await fill(4, 3);
    await deliver(await begin({ signingKey: nextKey }));
    const found = await payloads();
    expect(found.map(({ reason }) => reason)).toEqual(['backfill', 'rotation', 'backfill']);
    expect(found[1]?.nextKey).toEqual({
      keyId: nextKey.publicKey.keyId,
      publicKey: nextKey.publicKey.pem,
    });
    expect(found[2]?.journal.map(({ what }) => what)).toContain('key_rotated');
    const signers = readDigests(await stage.place.objects()).map(({ envelope }) =>
      [signingKey, nextKey].findIndex(({ publicKey }) => isSignedBy(envelope, publicKey)),
    );
    expect(signers).toEqual([0, 0, 1]);
  });

  it.each([
    ['another one', { signingKey: nextKey }],
    ['none', {}],
  ])('is not silently replaced by %s', async (__, settings) => {
    const running = await begin();
    await deliver(running);
    await running.lease.release();
    const error = await rejectionOf(begin(settings));
    expect(error).toMatchObject({ kind: 'usage', code: 'signing_key_changed' });
    expect(error.message).toContain('key rotate --to FILE');
    expect(await payloads()).toHaveLength(1);
  });

  it('is replaced without proof where the operator says so, and that is told', async () => {
    const running = await begin();
    await deliver(running);
    const unproved: Running = {
      ...running,
      options: { ...running.options, digests: { signingKey: nextKey } },
    };
    expect(await rotate(unproved, { kind: 'accept' })).toBe(true);
    expect(await rotate(unproved, { kind: 'accept' })).toBe(false);
    await running.lease.release();
    await age('25 hours');
    await deliver(await begin({ signingKey: nextKey }), 'due');
    const found = await payloads();
    expect(found.map(({ reason }) => reason)).toEqual(['backfill', 'rotation', 'daily']);
    expect(found[1]?.nextKey).toBeNull();
    const told = found[2]?.journal.find(({ what }) => what === 'key_rotated');
    expect(told?.detail).toEqual({
      digest: 2,
      from: signingKey.publicKey.keyId,
      to: nextKey.publicKey.keyId,
      isAnnounced: false,
    });
  });

  it('may be given to an archive that had none', async () => {
    const running = await begin({});
    await deliver(running);
    await running.lease.release();
    await fill(4, 3);
    await deliver(await begin());
    expect(
      readDigests(await stage.place.objects()).map(({ envelope }) => envelope.signatures.length),
    ).toEqual([0, 1]);
    expect((await payloads()).map(({ signedFrom }) => signedFrom)).toEqual([null, 2]);
  });

  it('is told in every digest by the number from which on all are signed', async () => {
    const running = await begin();
    await deliver(running);
    await rotate(running, { kind: 'to', nextKey: nextKey.publicKey });
    await running.lease.release();
    const second = await begin({ signingKey: nextKey });
    const unsigned: Running = { ...second, options: { ...second.options, digests: {} } };
    expect(await rotate(unsigned, { kind: 'accept' })).toBe(true);
    await second.lease.release();
    await fill(4, 3);
    await deliver(await begin({ signingKey: nextKey }));
    expect((await payloads()).map(({ signedFrom }) => signedFrom)).toEqual([1, 1, null, 4]);
  });

  it('is told also of digests that were made before digests told it', async () => {
    const running = await begin();
    await deliver(running);
    const [first] = readDigests(await stage.place.objects());
    const { signedFrom: _told, ...payload } = parseDigest(first?.envelope.payload ?? Buffer.alloc(0));
    const old = encodeDigest(payload);
    await stage.place.plant(digestKey('acme', 1), sealDigest(old, signingKey));
    await stage.test.rows(
      `UPDATE ledger.digests SET payload_sha256 = decode('${payloadSha256(old)}', 'hex')`,
    );
    await fill(4, 3);
    await deliver(running);
    expect((await payloads()).map(({ signedFrom }) => signedFrom)).toEqual([undefined, 1]);
  });

  it('can not be announced by nobody', async () => {
    const running = await begin({});
    const error = await rejectionOf(rotate(running, { kind: 'to', nextKey: nextKey.publicKey }));
    expect(error).toMatchObject({ kind: 'usage', code: 'signing_key_missing' });
  });

  it('is not changed by halves when the announcement is interrupted', async () => {
    const running = await begin();
    await deliver(running);
    stage.test.faults.failBefore(/UPDATE \S+\.digests SET confirmed/, '57P01');
    await rejectionOf(rotate(running, { kind: 'to', nextKey: nextKey.publicKey }));
    expect(await rotate(running, { kind: 'to', nextKey: nextKey.publicKey })).toBe(false);
    await running.lease.release();
    await fill(4, 3);
    await deliver(await begin({ signingKey: nextKey }));
    expect((await payloads()).map(({ reason }) => reason)).toEqual(['backfill', 'rotation', 'backfill']);
  });
});
