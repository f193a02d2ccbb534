import { describe, expect, test } from 'vitest';
import { dayPlot } from '../../../src/proof/verify/day-plot.ts';
import { htmlReport } from '../../../src/proof/verify/html-report.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';

const hostile = `<script>alert("1")</script>'&\u202e\u0007`;

function reportOf(text: string, verdict: VerifyReport['verdict']): VerifyReport {
  const digest = {
    number: 1,
    createdAt: text,
    sha256: text,
    keyId: text,
    reason: text,
    objects: 1,
    throughSequence: 5,
  };
  return {
    formatVersion: 1,
    verdict,
    source: text,
    checkedAt: text,
    program: { name: text, version: text },
    trustedKeys: [text],
    organizations: [
      {
        name: text,
        id: text,
        ledgerId: text,
        sink: text,
        objects: 1,
        entries: 5,
        rawBytes: 1000,
        storedBytes: 100,
        range: { firstSequence: 1, lastSequence: 5, firstDay: text, lastDay: text },
        digests: { count: 1, signed: 1, first: digest, newest: digest, listed: [digest] },
        keys: [{ keyId: text, firstDigest: 1, lastDigest: 1, isChecked: true }],
        notYetSigned: { objects: 0, entries: 0 },
        days: [{ day: '2026-03-01', objects: 1, entries: 5 }],
      },
    ],
    findings: [{ code: 'object_altered', message: text, object: text, line: 3 }],
    findingCounts: { object_altered: 1 },
    notes: [{ code: 'note', message: text }],
    proved: [text],
    notProved: [text],
  };
}

describe('the page', () => {
  test('obeys nothing that comes out of an archive', () => {
    const page = htmlReport([reportOf(hostile, 'failed')]);
    expect(page).not.toContain('<script');
    expect(page).not.toContain('alert("1")');
    for (const character of ['\u202e', '\u0007']) expect(page).not.toContain(character);
    expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;\\u202e\\u0007');
  });

  test('needs nothing from elsewhere', () => {
    const page = htmlReport([reportOf('plain', 'verified'), reportOf('plain', 'verified')]);
    expect(page).not.toMatch(/(?:src|href)=|url\(|@import|https?:/);
    expect(page).toContain("default-src 'none'");
  });

  test('fails as a whole when one archive failed', () => {
    expect(htmlReport([reportOf('one', 'verified'), reportOf('two', 'failed')])).toContain(
      '<title>Audit log archive: verification failed</title>',
    );
  });

  test('says what the numbers are worth where something was found, and how much is not listed', () => {
    const page = htmlReport([{ ...reportOf('one', 'failed'), findingCounts: { object_altered: 300 } }]);
    expect(page).toContain('Nothing counts as proved while there is a finding.');
    expect(page).toContain('299 more are counted above');
    expect(htmlReport([reportOf('one', 'verified')])).not.toContain('Nothing counts as proved');
  });

  test('gives the command that repeats it, with the source in quotes where a shell needs them', () => {
    const page = htmlReport([reportOf("it's here", 'verified')]);
    expect(page).toContain(String.raw`&#39;it&#39;\&#39;&#39;s here&#39;`);
  });
});

/** The heights of the bars in one of the two pictures. */
function barsOf(svg: string, shape: 'wide' | 'narrow'): number[] {
  const [, picture = ''] = svg.split(`<figure class="${shape}">`);
  const [drawn = ''] = picture.split('</figure>');
  return [...drawn.matchAll(/class="bar"[^>]* height="([\d.]+)"/g)].map((match) => Number(match[1]));
}

function dayAfter(days: number): string {
  return new Date(Date.UTC(2016, 0, 1) + days * 86_400_000).toISOString().slice(0, 10);
}

describe('the picture of days', () => {
  test('shows days without entries as gaps', () => {
    const svg = dayPlot([
      { day: '2026-03-01', objects: 1, entries: 10 },
      { day: '2026-03-05', objects: 1, entries: 20 },
    ]);
    const heights = barsOf(svg, 'wide');
    expect(heights).toHaveLength(5);
    expect(heights.slice(1, 4)).toEqual([0, 0, 0]);
    expect(heights[4]).toBeCloseTo((heights[0] ?? 0) * 2, 0);
  });

  test('stays one picture for ten years', () => {
    const days = Array.from({ length: 3650 }, (_, index) => ({
      day: new Date(Date.UTC(2016, 0, 1) + index * 86_400_000).toISOString().slice(0, 10),
      objects: 1,
      entries: 1,
    }));
    const svg = dayPlot(days);
    expect(barsOf(svg, 'wide')).toHaveLength(122);
    expect(barsOf(svg, 'narrow')).toHaveLength(122);
    expect(svg).toContain('Entries per 30 days');
  });

  test('has a bar for each of 400 days, of two pixels or more, and on a telephone one for each week', () => {
    const svg = dayPlot(
      Array.from({ length: 400 }, (_, index) => ({
        day: dayAfter(index),
        objects: 1,
        entries: 1 + (index % 7),
      })),
    );
    expect(barsOf(svg, 'wide')).toHaveLength(400);
    expect(barsOf(svg, 'narrow')).toHaveLength(58);
    const widths = [...svg.matchAll(/class="bar"[^>]* width="([\d.]+)"/g)].map((match) => Number(match[1]));
    expect(Math.min(...widths)).toBeGreaterThanOrEqual(2);
    // Dates are those of months, and none is printed over another.
    const labels = [...svg.matchAll(/class="tick" x="([\d.]+)"[^>]*>(\d{4}-\d\d-\d\d)</g)];
    expect(labels.map(([, , day]) => day).join(' ')).toBe(
      '2016-01-01 2016-03-01 2016-05-01 2016-07-01 2016-09-01 2016-11-01 2017-01-01 2016-01-01 2016-07-01 2017-01-01',
    );
    const places = labels.map(([, x]) => Number(x));
    const steps = places.slice(1).map((place, index) => place - (places[index] ?? 0));
    // The narrow one begins at its left again.
    expect(steps.filter((step) => step > 0 && step < 73)).toEqual([]);
  });

  test.each([
    [[10], 'Most on one day: 10, on 2016-01-01.'],
    [[1, 2, 1], 'Most on one day: 2, on 2016-01-02. None of the 3 days is without an entry.'],
    [[1, 0, 5], 'Most on one day: 5, on 2016-01-03. Of 3 days 1 has no entry here: 2016-01-02.'],
    [
      [1, 0, 1, 0, 0, 1],
      'Of 6 days 3 have no entry here; the longest stretch is 2 days, 2016-01-04 to 2016-01-05.',
    ],
    [[1, 0, 1, 0, 1], 'Of 5 days 2 have no entry here; the longest stretch is a day, 2016-01-02.'],
  ])('is told in words: %j', (counts, sentence) => {
    const days = counts.map((entries, index) => ({ day: dayAfter(index), objects: 1, entries }));
    expect(dayPlot(days.filter(({ entries }) => entries > 0))).toContain(sentence);
  });

  test('ends also where somebody made folders of the first and the last day there can be', () => {
    const days = ['0001-01-01', '9999-12-31'].map((day) => ({ day, objects: 1, entries: 1 }));
    const svg = dayPlot(days);
    expect(svg).toContain('the longest stretch is 3,652,057 days, 0001-01-02 to 9999-12-30.');
    expect(barsOf(svg, 'wide').length).toBeLessThanOrEqual(425);
  });

  test('is left out where there is nothing', () => {
    expect(dayPlot([])).toBe('');
  });
});
