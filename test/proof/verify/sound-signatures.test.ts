import { afterEach, describe, expect, test } from 'vitest';
import type { ArchivePlace } from '../../helpers/archive-places.ts';
import { ordinaryArchive, scenarioKeys } from '../scenario.ts';
import { Tampering } from '../tampering.ts';
import { cleanUp, directory, expectSound, verify } from './verify-sound.ts';

const { first, second } = scenarioKeys;

afterEach(cleanUp);

describe('signatures', () => {
  async function rotated(): Promise<ArchivePlace> {
    const place = await directory();
    const scenario = await ordinaryArchive(place);
    await scenario.rotate(second);
    await scenario.object(4);
    await scenario.digest();
    return place;
  }

  test.each([
    ['the first key', [first.publicKey], []],
    ['the newest key', [second.publicKey], ['older_key']],
    ['both keys', [first.publicKey, second.publicKey], []],
  ])('lead over a rotation from %s', async (_, keys, notes) => {
    const place = await rotated();
    const report = await verify(place.store(), { keys });
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(notes);
    expect(
      report.organizations[0]?.keys.map(({ firstDigest, lastDigest }) => [firstDigest, lastDigest]),
    ).toEqual([
      [1, 7],
      [8, 8],
    ]);
  });

  test('vouch for digests that are older than the key that was given, and show what was done to them', async () => {
    const place = await rotated();
    const tampering = new Tampering(place);
    await tampering.reseal(2, first, (payload) => ({ ...payload, createdAt: '2026-03-01T02:00:01.000000Z' }));
    const report = await verify(place.store(), { keys: [second.publicKey] });
    expect(report.verdict).toBe('failed');
    expect(report.findingCounts).toHaveProperty('signature_untrusted');
  });

  test('may be missing where that was allowed', async () => {
    const place = await directory();
    await ordinaryArchive(place, { key: undefined });
    const report = await verify(place.store(), { allowUnsigned: true, keys: [] });
    expectSound(report);
    expect(report.proved[0]).toContain('listed in its digests');
    expect(report.notProved.join()).toContain('could have been made anew');
  });

  test('may begin later than the archive: signed digests vouch for those before', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place, { key: undefined });
    scenario.key = first;
    await scenario.digest();
    const report = await verify(place.store());
    expectSound(report);
    expect(report.notes).toMatchObject([{ code: 'unsigned_beginning' }]);
    expect(report.notes[0]?.message).toContain('digests 1 to 6 are not signed, and say so');
    expect(report.notProved).toContain('acme: who made the 6 digests without a signature.');
  });

  test('may begin later without a word about it, in archives of the first programs', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place, { key: undefined, saysSigned: false });
    scenario.key = first;
    await scenario.digest();
    const report = await verify(place.store());
    expectSound(report);
    expect(report.notes[0]?.message).toContain("or signatures were removed, can't be told");
  });

  test('are said to begin where they do, when the key came late and when it was changed', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place, { key: undefined });
    scenario.key = first;
    await scenario.digest();
    await scenario.rotate(second);
    await scenario.digest();
    expectSound(await verify(place.store()));
    const payloads = [6, 7, 8, 9].map((number) => new Tampering(place).payload(number));
    const said = (await Promise.all(payloads)).map(({ signedFrom }) => signedFrom);
    expect(said).toEqual([null, 7, 7, 7]);
  });

  test('of a key that was given are accepted, unannounced as it is', async () => {
    const place = await directory();
    const scenario = await ordinaryArchive(place);
    scenario.key = second;
    await scenario.digest();
    const report = await verify(place.store(), { keys: [first.publicKey, second.publicKey] });
    expectSound(report);
    expect(report.notes.map(({ code }) => code)).toEqual(['key_changed']);
  });
});
