/** What somebody does to an archive, and what `verify` must then say: one table in each file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FindingCode } from '../../../../src/proof/verify/findings.ts';
import type { VerifyOptions } from '../../../../src/proof/verify/verify-archive.ts';
import { directoryPlace, type ArchivePlace } from '../../../helpers/archive-places.ts';
import { ordinaryArchive } from '../../scenario.ts';
import { Tampering } from '../../tampering.ts';
import { verifyScenario } from '../verify-scenario.ts';

export interface TamperingCase {
  readonly what: string;
  /** Default: the ordinary archive. */
  readonly build?: (place: ArchivePlace) => Promise<unknown>;
  readonly tamper: (tampering: Tampering) => Promise<unknown>;
  readonly options?: Partial<VerifyOptions>;
  /** Every code that is found, and how often. */
  readonly finds: Partial<Record<FindingCode, number>>;
  /** Parts of one finding's message. */
  readonly says: readonly string[];
}

export const entries = 'organization=acme/entries';
/** The third object of the ordinary archive, of sequences 21 to 30. */
export const key3: string = `${entries}/date=2026-03-02/000000000021.jsonl.gz`;
export const unknownHash: string = '0'.repeat(64);

export function describeTampering(title: string, cases: readonly TamperingCase[]): void {
  let place: ArchivePlace;

  beforeEach(async () => {
    place = await directoryPlace();
  });

  afterEach(async () => {
    await place.dispose();
  });

  describe(`verify finds, of ${title},`, () => {
    test.each(cases)('$what', async ({ build = ordinaryArchive, tamper, options, finds, says }) => {
      await build(place);
      await tamper(new Tampering(place));
      const store = place.store();
      const report = await verifyScenario(store, options);
      await store.close();
      expect(report.findingCounts).toEqual(finds);
      expect(report.verdict).toBe('failed');
      expect(report.proved).toEqual([]);
      // Of several findings, one tells all of it.
      const messages = report.findings.map(({ message }) => message);
      expect(messages.filter((message) => says.every((part) => message.includes(part)))).not.toEqual([]);
      for (const message of messages) expect(message).toMatch(/^[A-Zo].*\.$/s);
    });
  });
}

/** Changes the text of a digest's payload, or of its base64, and leaves the signature as it was. */
export async function payloadText(
  t: Tampering,
  number: number,
  change: (text: string) => string,
  encoded: (base64: string) => string = (base64) => base64,
): Promise<void> {
  await envelopeText(t, number, (text) => {
    const envelope = JSON.parse(text) as { readonly payload: string };
    const changed = change(Buffer.from(envelope.payload, 'base64').toString());
    return JSON.stringify({ ...envelope, payload: encoded(Buffer.from(changed).toString('base64')) });
  });
}

export async function envelopeText(
  t: Tampering,
  number: number,
  change: (text: string) => string,
): Promise<void> {
  await t.replace(t.digestKey(number), (bytes) => Buffer.from(change(bytes.toString())));
}

export function flip(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at] = (flipped[at] ?? 0) ^ 1;
  return flipped;
}
