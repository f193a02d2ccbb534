import { describe, expect, it } from 'vitest';
import type { ThroughputRow } from './results.ts';
import type { Stage, Subject } from './subject.ts';
import { measureThroughput } from './throughput.ts';

// The subjects of these tests look at nothing else of the stage.
const stage = { standIn: { entries: 100 } } as unknown as Stage;

function subject(name: string, measure: Subject['measure']): Subject {
  return { name, title: name, group: 'exporter', target: name, note: '', measure };
}

async function run(
  subjects: readonly Subject[],
  runs: number,
  known: readonly ThroughputRow[] = [],
  isTimeUp = (): boolean => false,
): Promise<{ readonly order: string[]; readonly rows: Map<string, ThroughputRow> }> {
  const order: string[] = [];
  const rows = new Map<string, ThroughputRow>();
  await measureThroughput({
    stage,
    subjects,
    runs,
    known,
    isTimeUp,
    onStart: () => undefined,
    onRow: async (row) => {
      order.push(row.subject);
      rows.set(row.subject, row);
    },
  });
  return { order, rows };
}

const second = async (): Promise<{ seconds: number; cpuSeconds: number; peakMegabytes: number }> => ({
  seconds: 1,
  cpuSeconds: 0.5,
  peakMegabytes: 100,
});

describe('measuring in turns', () => {
  it('measures everything once before anything twice', async () => {
    const { order } = await run([subject('a', second), subject('b', second)], 2);
    expect(order).toEqual(['a', 'b', 'a', 'b']);
  });

  it('goes on where an earlier measurement stopped', async () => {
    const { rows: first } = await run([subject('a', second)], 1);
    const { order, rows } = await run([subject('a', second), subject('b', second)], 2, [...first.values()]);
    expect(order).toEqual(['b', 'a', 'b']);
    expect(rows.get('a')?.seconds).toEqual([1, 1]);
  });

  it('begins nothing new when the time is up, and keeps what it has', async () => {
    let asked = 0;
    const { order } = await run([subject('a', second), subject('b', second)], 2, [], () => {
      asked += 1;
      return asked > 3;
    });
    expect(order).toEqual(['a', 'b', 'a']);
  });

  it('takes nothing that was measured at another size', async () => {
    const { rows: first } = await run([subject('a', second)], 1);
    const other = [...first.values()].map((row) => ({ ...row, entries: 7 }));
    expect((await run([subject('a', second)], 1, other)).order).toEqual(['a']);
  });

  it('keeps why a subject gave no number, measures the others, and does not try it again', async () => {
    const broken = subject('a', async () => {
      throw new Error('it holds 99 of 100 entries');
    });
    const { order, rows } = await run([broken, subject('b', second)], 2);
    expect(order).toEqual(['a', 'b', 'b']);
    expect(rows.get('a')?.failure).toBe('it holds 99 of 100 entries');
  });
});
