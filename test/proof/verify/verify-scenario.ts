/** `verify` of an archive that a scenario made, with the first key, as every test here runs it unless it says otherwise. */
import type { ObjectStore } from '../../../src/archive/object-store.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';
import { verifyArchive, type VerifyOptions } from '../../../src/proof/verify/verify-archive.ts';
import { scenarioKeys } from '../scenario.ts';

const { signal } = new AbortController();
/** An hour after the newest digest of the ordinary archive. */
export const soon: number = Date.parse('2026-03-03T08:00:00Z');

export async function verifyScenario(
  store: ObjectStore,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyReport> {
  return await verifyArchive({
    store,
    hasVersions: false,
    keys: [scenarioKeys.first.publicKey],
    allowUnsigned: false,
    version: '0.0.0',
    now: () => soon,
    signal,
    ...options,
  });
}
