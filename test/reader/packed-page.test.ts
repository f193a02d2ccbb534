import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { WalkedPage } from '../../src/reader/append-group.ts';
import { packPage } from '../../src/reader/packed-page.ts';
import { toPageEntries, type PageEntry } from '../../src/reader/page-entries.ts';
import { nanos } from '../../src/time.ts';

function pageOf(values: readonly unknown[]): WalkedPage {
  const entries = values.map((value) => {
    const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    return { raw: Buffer.from(JSON.stringify(value)), id: fields['id'], createdAt: fields['created_at'] };
  });
  return {
    entries: toPageEntries(entries, nanos(7n)),
    checkpoint: '2026-03-01T00:00:00Z',
    serverDate: nanos(9n),
  };
}

/** Member by member: some are made when they are asked for. */
function shown(entry: PageEntry): object {
  const { key, raw, createdAt, hasOwnTime, lineSha256 } = entry;
  const hashes = { line: lineSha256.toString('hex'), content: entry.contentSha256().toString('hex') };
  return { key, raw: raw.toString(), createdAt, hasOwnTime, ...hashes };
}

it('gives back the page as it was, whatever the entries are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (values) => {
      const page = pageOf(values);
      const packed = await packPage(page);
      const back = await packed.unpack();
      expect(packed.entries).toBe(values.length);
      expect(back.checkpoint).toBe(page.checkpoint);
      expect(back.serverDate).toBe(page.serverDate);
      expect(back.entries.map(shown)).toEqual(page.entries.map(shown));
    }),
    { numRuns: 100 },
  );
});

it('takes a fraction of the room', async () => {
  const page = pageOf(
    Array.from({ length: 1000 }, (_, index) => ({
      id: `entry-${index}`,
      created_at: `2026-03-01T00:00:00.${String(index).padStart(6, '0')}Z`,
      payload: { text: 'the same words in every entry, as in an audit log '.repeat(15), at: index },
    })),
  );
  const raw = page.entries.reduce((sum, entry) => sum + entry.raw.length, 0);
  expect((await packPage(page)).bytes).toBeLessThan(raw / 4);
});
