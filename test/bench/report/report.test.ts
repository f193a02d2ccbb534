import { describe, expect, it } from 'vitest';
import { incomplete } from '../completeness.ts';
import { begin, end, withMeasured } from './markdown.ts';
import { plots, svg } from './plots.ts';
import { row, sampleResults } from './sample-results.ts';
import { tables } from './tables.ts';
import { targets } from './targets.ts';

function target(
  what: RegExp,
  results = sampleResults,
): { readonly measured: string; readonly isReached: boolean | undefined } | undefined {
  return targets(results).find((one) => what.test(one.what));
}

describe('targets', () => {
  it('holds files against the lower of the two limits, by medians', () => {
    // 1,000 entries in 5 s against 1,000 in 2 s.
    expect(target(/^into files, of the lower/)).toMatchObject({ measured: '0.40', isReached: false });
  });

  it('holds the table against COPY into the same table', () => {
    expect(target(/^into PostgreSQL, of COPY/)).toMatchObject({ measured: '0.50', isReached: true });
  });

  it('compares with the fastest peer on the same sink, and with the fastest Python one', () => {
    expect(target(/^into files, times the fastest peer/)).toMatchObject({
      measured: '0.50',
      isReached: false,
    });
    expect(target(/^into files, times the fastest Python/)).toMatchObject({
      measured: '4.00',
      isReached: true,
    });
  });

  it('says where there is nothing to compare with', () => {
    expect(target(/^into PostgreSQL, times the fastest peer/)).toMatchObject({
      measured: 'not measured',
      isReached: undefined,
    });
    expect(target(/skewed/)).toMatchObject({ measured: 'not measured' });
  });

  it('takes a tenth of a request more for more than one', () => {
    expect(target(/^an idle sweep/)).toMatchObject({ measured: '1.00', isReached: true });
    const idle = [{ what: 'the daemon', pages: 1.1, others: 0, seconds: 1 }];
    expect(target(/^an idle sweep/, { ...sampleResults, idle })).toMatchObject({
      measured: '1.10',
      isReached: false,
    });
  });

  it('takes the median of the start-up, so that one slow start does not count', () => {
    expect(target(/--help/)).toMatchObject({ measured: '190 ms', isReached: true });
  });

  it('does not call a backfill in parts good that takes longer than allowed', () => {
    expect(target(/even history/)).toMatchObject({ measured: '1.20', isReached: false });
  });
});

describe('tables', () => {
  const text = JSON.stringify(tables(sampleResults));

  it('shows what gave no number, with the reason', () => {
    expect(text).toContain('it ended with 1');
  });

  it('shows a peer that could not be had, with the reason', () => {
    expect(text).toContain('not run: there is no go');
  });

  it('says of each boundary case what was lost, doubled or never ended', () => {
    const found = tables(sampleResults).find(({ title }) => title.startsWith('Boundary'));
    expect(found?.rows).toEqual([
      ['plain', 'whole'],
      ['late', '1 lost'],
      ['inclusive', '100 lost, did not end'],
      ['killed', '9 doubled'],
    ]);
  });

  it('counts what was verified by the median, and shows the slowest', () => {
    const found = tables(sampleResults).find(({ title }) => title.startsWith('Verifying'));
    expect(found?.rows).toEqual([['1,000', '10', '1', '1.0', '500', '2.0', '9.0', '101', '3']]);
  });

  it('leaves out the tables of what was not measured', () => {
    expect(
      tables({ throughput: [row('files', 'exporter', 'files', [1])] }).map(({ title }) => title),
    ).not.toContain('Start-up');
  });
});

describe('BENCHMARKS.md', () => {
  const page = `# Words\n\n${begin}\n\nold numbers\n\n${end}\n\nMore words\n`;

  it('gets new numbers and keeps its own words', () => {
    const written = withMeasured(page, sampleResults, []);
    expect(written).toContain('2 cores of A Processor');
    expect(written).not.toContain('old numbers');
    expect(written.startsWith(`# Words\n\n${begin}\n`)).toBe(true);
    expect(written.endsWith(`${end}\n\nMore words\n`)).toBe(true);
  });

  it('is the same when it is written twice', () => {
    const once = withMeasured(page, sampleResults, []);
    expect(withMeasured(once, sampleResults, [])).toBe(once);
  });

  it('is not written where the marks are gone', () => {
    expect(() => withMeasured('# Words\n', sampleResults, [])).toThrow('lost the marks');
  });
});

describe('plots', () => {
  it('draws each question as a picture without a browser', async () => {
    const drawn = plots(sampleResults);
    expect(drawn.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'throughput',
        'into-files',
        'into-postgres',
        'memory',
        'parallel',
        'freshness',
      ]),
    );
    for (const plot of drawn) expect(await svg(plot)).toMatch(/^<svg[\s\S]*<\/svg>$/);
  });

  it('draws nothing of what was not measured', () => {
    expect(plots({})).toEqual([]);
  });
});

describe('completeness', () => {
  it('names what failed and what was not measured at all', () => {
    const { idle: _, ...rest } = sampleResults;
    const missing = incomplete(rest, () => true);
    expect(missing).toEqual([
      'Nothing was measured of: idle.',
      'title of grove-jsonl with 1000 entries failed: it ended with 1',
    ]);
  });

  it('does not miss what was not asked for', () => {
    expect(incomplete({}, () => false)).toEqual([]);
  });
});
