/** What the tests of sound archives share: places that are removed afterwards, and `verify` with the first key. */
import { expect } from 'vitest';
import type { ObjectStore } from '../../../src/archive/object-store.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';
import type { VerifyOptions } from '../../../src/proof/verify/verify-archive.ts';
import { directoryPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { verifyScenario } from './verify-scenario.ts';

export const cleanups: (() => Promise<unknown>)[] = [];

export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

export async function directory(): Promise<ArchivePlace> {
  const place = await directoryPlace();
  cleanups.push(() => place.dispose());
  return place;
}

/** Closes the store. */
export async function verify(
  store: ObjectStore,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyReport> {
  try {
    return await verifyScenario(store, options);
  } finally {
    await store.close();
  }
}

export function expectSound(report: VerifyReport): void {
  expect(report.findings).toEqual([]);
  expect(report.verdict).toBe('verified');
}
