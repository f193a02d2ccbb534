import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { WalkedPage } from '../../src/reader/append-group.ts';
import { packPage } from '../../src/reader/packed-page.ts';
import { toPageEntries } from '../../src/reader/page-entries.ts';
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

it('gives back the page as it was, whatever the entries are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (values) => {
      const page = pageOf(values);
      const packed = await packPage(page);
      const back = await packed.unpack();
      expect(packed.entries).toBe(values.length);
      expect(back.checkpoint).toBe(page.checkpoint);
      expect(back.serverDate).toBe(page.serverDate);
      expect(back.entries.map(({ key, raw, ...rest }) => ({ key, raw: raw.toString(), ...rest }))).toEqual(
        page.entries.map(({ key, raw, ...rest }) => ({ key, raw: raw.toString(), ...rest })),
      );
      expect(back.entries.map((entry) => entry.contentSha256())).toEqual(
        page.entries.map((entry) => entry.contentSha256()),
      );
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
