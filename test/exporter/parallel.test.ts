import { afterEach, describe, expect, it } from 'vitest';
import { runBackfill } from '../../src/exporter/one-shot.ts';
import { nanosFromMs } from '../../src/time.ts';
import { startExportRun, type ExportRun } from '../helpers/export-run.ts';

let run: ExportRun | undefined;

afterEach(async () => {
  await run?.close();
  run = undefined;
});

const now = Date.now();

/** What the ledger has handed to a table: sequences and bytes. */
async function exported(
  parallel: number,
  sandbox: { readonly seed: number; readonly traps: readonly string[] },
): Promise<readonly { readonly sequence: number; readonly raw: string }[]> {
  run = await startExportRun({
    sandbox: { ...sandbox, entries: 2500, historyDays: 30, latencyMs: 5, now: () => now },
    pageSize: 40,
  });
  const signal = new AbortController().signal;
  const range = { from: undefined, to: nanosFromMs(now), parallel };
  await runBackfill(run.exporter, range, { signal, giveUpAfterMs: 60_000 });
  const rows = await run.warehouse();
  const asked = run.sandbox.truth().length;
  expect(rows).toHaveLength(asked);
  await run.close();
  run = undefined;
  return rows.map(({ sequence, raw }) => ({ sequence, raw }));
}

describe('a backfill in parts', () => {
  it.each([
    ['the usual answers', { seed: 3, traps: [] }],
    ['positions that are included', { seed: 4, traps: ['inclusive'] }],
    ['short and empty pages', { seed: 5, traps: ['short-pages', 'empty-pages'] }],
  ])('leaves the same ledger as a serial one with %s', { timeout: 180_000 }, async (_, sandbox) => {
    const serial = await exported(1, sandbox);
    expect(await exported(2, sandbox)).toEqual(serial);
    expect(await exported(8, sandbox)).toEqual(serial);
  });
});
