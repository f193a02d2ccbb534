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

  test('gives the command that repeats it, with the source in quotes where a shell needs them', () => {
    const page = htmlReport([reportOf("it's here", 'verified')]);
    expect(page).toContain(String.raw`&#39;it&#39;\&#39;&#39;s here&#39;`);
  });
});

describe('the picture of days', () => {
  test('shows days without entries as gaps', () => {
    const svg = dayPlot([
      { day: '2026-03-01', objects: 1, entries: 10 },
      { day: '2026-03-05', objects: 1, entries: 20 },
    ]);
    const heights = [...svg.matchAll(/class="bar"[^>]* height="([\d.]+)"/g)].map((match) => Number(match[1]));
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
    expect(svg.match(/class="bar"/g)?.length).toBeLessThanOrEqual(184);
    expect(svg).toContain('Entries per 20 days');
  });

  test('is left out where there is nothing', () => {
    expect(dayPlot([])).toBe('');
  });
});
