/**
 * Entries without the oddities of the sandbox: a number beyond 64 bits in a payload is valid JSON, but there are tools that
 * can't get past it, and they are to be measured too. A boundary case has the odd ones.
 */
import { createEntryWriter } from '../../src/sandbox/entry-writer.ts';
import { createCast } from '../../src/sandbox/organization.ts';
import type { Nanos } from '../../src/time.ts';

const seed = 1;
const style = { offsetTimestamps: false, plainIds: false, missingIds: false, missingTimes: false };

export interface PlainEntryWriter {
  /** Always the same text for the same number and time. */
  write(index: number, createdAt: Nanos): string;
}

export function createPlainEntryWriter(entryBytes: number): PlainEntryWriter {
  const writer = createEntryWriter(seed, createCast(seed), { ...style, entryBytes });
  // Every sixteenth number has an oddity.
  const plain = (index: number): number => index + Math.floor(index / 15) + 1;
  return { write: (index, createdAt) => writer.write(plain(index), createdAt, 'natural') };
}
