import { expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/postgres.ts';
import { runLongHaul } from './long-haul.ts';

/** LONG_HAUL_ENTRIES makes it longer. */
const entries = Number(process.env['LONG_HAUL_ENTRIES'] ?? 20_000);

it('a long log leaves the program as large as the first fifth of it', async () => {
  const haul = await runLongHaul(entries, createTestDatabase);
  expect(haul).toMatchObject({ exitCode: 0, held: entries });
  // What the garbage collector has not come to is no leak: one byte kept per entry of a million would be a mebibyte.
  expect(haul.late.residentMiB - haul.early.residentMiB).toBeLessThan(150);
  expect(haul.late.descriptors).toBeLessThanOrEqual(haul.early.descriptors + 3);
  if (process.env['LONG_HAUL_ENTRIES'] !== undefined) process.stdout.write(`${JSON.stringify(haul)}\n`);
}, 3_600_000);
