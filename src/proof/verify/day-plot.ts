/** Entries over time as a picture: one bar for a day, or for as many days as fit a bar. SVG, without scripts. */
import { escapeHtml } from './escape-html.ts';
import type { DayReport } from './report.ts';

const width = 920;
const height = 220;
const margin = { left: 64, right: 12, top: 12, bottom: 34 } as const;
const barsMax = 184;
const dayMs = 86_400_000;

interface Bar {
  readonly from: string;
  readonly to: string;
  entries: number;
}

export function dayPlot(days: readonly DayReport[]): string {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return '';
  const { bars, daysPerBar } = barsOf(days, { first: first.day, last: last.day });
  const most = niceCeiling(Math.max(...bars.map(({ entries }) => entries)));
  const plotWidth = width - margin.left - margin.right;
  const plotHeight = height - margin.top - margin.bottom;
  const step = plotWidth / bars.length;
  const y = (entries: number): number => margin.top + plotHeight * (1 - entries / most);
  const drawn = bars.map((bar, index) => {
    // A few entries among many thousands still get a line that can be seen.
    const top = bar.entries === 0 ? y(0) : Math.min(y(bar.entries), y(0) - 1.5);
    const span = bar.from === bar.to ? bar.from : `${bar.from} to ${bar.to}`;
    const barWidth = Math.min(48, Math.max(0.8, step * 0.82));
    const x = margin.left + index * step + (step - barWidth) / 2;
    return `<rect class="bar" x="${round(x)}" y="${round(top)}" width="${round(barWidth)}" height="${round(y(0) - top)}"><title>${escapeHtml(span)}: ${count(bar.entries)} entries</title></rect>`;
  });
  const unit = daysPerBar === 1 ? 'day' : `${daysPerBar} days`;
  const label = `Entries per ${unit}, ${first.day} to ${last.day}`;
  return [
    `<figure><figcaption>Entries per ${unit} of created_at, UTC</figcaption>`,
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">`,
    ...[0, 0.5, 1].map((part) => gridLine(most * part, y(most * part))),
    ...drawn,
    ...dateLabels(bars, step),
    '</svg></figure>',
  ].join('\n');
}

function gridLine(value: number, y: number): string {
  return (
    `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${round(y)}" y2="${round(y)}"/>` +
    `<text class="tick" x="${margin.left - 8}" y="${round(y + 4)}" text-anchor="end">${count(value)}</text>`
  );
}

/** At most six dates, under the bars that begin with them. */
function dateLabels(bars: readonly Bar[], step: number): string[] {
  const every = Math.max(1, Math.ceil(bars.length / 6));
  const baseline = height - margin.bottom;
  return bars.flatMap(({ from }, index) => {
    if (index % every !== 0) return [];
    const x = margin.left + index * step + step / 2;
    // The dates near the ends would hang out of the picture.
    const anchor = x < margin.left + 36 ? 'start' : x > width - 44 ? 'end' : 'middle';
    const at = anchor === 'start' ? margin.left : x;
    return [
      `<line class="axis" x1="${round(x)}" x2="${round(x)}" y1="${baseline}" y2="${baseline + 5}"/>`,
      `<text class="tick" x="${round(at)}" y="${height - 10}" text-anchor="${anchor}">${escapeHtml(from)}</text>`,
    ];
  });
}

/** Days without entries count too, so that a quiet week looks like one. */
function barsOf(
  days: readonly DayReport[],
  span: { readonly first: string; readonly last: string },
): { readonly bars: readonly Bar[]; readonly daysPerBar: number } {
  const start = Date.parse(span.first);
  const dayCount = Math.round((Date.parse(span.last) - start) / dayMs) + 1;
  const daysPerBar = Math.ceil(dayCount / barsMax);
  const bars: Bar[] = Array.from({ length: Math.ceil(dayCount / daysPerBar) }, (_, index) => ({
    from: dayText(start + index * daysPerBar * dayMs),
    to: dayText(start + Math.min(dayCount - 1, (index + 1) * daysPerBar - 1) * dayMs),
    entries: 0,
  }));
  for (const { day, entries } of days) {
    const bar = bars[Math.floor((Date.parse(day) - start) / dayMs / daysPerBar)];
    if (bar !== undefined) bar.entries += entries;
  }
  return { bars, daysPerBar };
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The next number that can be halved and read: 2, 4, 10, 20, 40, 100, … */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const factor = [1, 2, 4, 6, 8, 10].find((candidate) => candidate * power >= value) ?? 10;
  return Math.max(2, factor * power);
}

function round(value: number): string {
  return value.toFixed(1);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
