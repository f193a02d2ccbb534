/** Entries over time as a picture: one bar for a day, or for as many days as fit a bar. SVG, without scripts. */
import { escapeHtml } from './escape-html.ts';
import type { DayReport } from './report.ts';

interface Shape {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
  readonly height: number;
  readonly labelsMax: number;
}

/** For paper and screens, and for a telephone, on which the wide one would have no legible label. */
const shapes: readonly Shape[] = [
  { name: 'wide', width: 920, height: 220, labelsMax: 8 },
  { name: 'narrow', width: 360, height: 200, labelsMax: 4 },
];
const margin = { left: 58, right: 12, top: 12, bottom: 34 } as const;
/** In pixels of the picture's own; below the second one a gap between bars would be a blur. */
const barWidthMin = 2;
const barWidthWithGap = 5;
/** How many days a bar may stand for: a day for more than a year, then weeks and rough months. */
const daysPerBarChoices = [1, 7, 30, 91, 365] as const;
const dayMs = 86_400_000;

interface Bar {
  readonly from: string;
  readonly to: string;
  entries: number;
}

export function dayPlot(days: readonly DayReport[]): string {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return '';
  const span = { first: first.day, last: last.day };
  return [...shapes.map((shape) => picture(days, span, shape)), summary(days, span)].join('\n');
}

interface Span {
  readonly first: string;
  readonly last: string;
}

function picture(days: readonly DayReport[], span: Span, shape: Shape): string {
  const plotWidth = shape.width - margin.left - margin.right;
  const plotHeight = shape.height - margin.top - margin.bottom;
  const { bars, daysPerBar } = barsOf(days, span, Math.floor(plotWidth / barWidthMin));
  const most = niceCeiling(Math.max(...bars.map(({ entries }) => entries)));
  const step = plotWidth / bars.length;
  const y = (entries: number): number => margin.top + plotHeight * (1 - entries / most);
  const drawn = bars.map((bar, index) => {
    // A few entries among many thousands still get a line that can be seen.
    const top = bar.entries === 0 ? y(0) : Math.min(y(bar.entries), y(0) - 1.5);
    const when = bar.from === bar.to ? bar.from : `${bar.from} to ${bar.to}`;
    const barWidth = step < barWidthWithGap ? step : Math.min(48, step * 0.82);
    const x = margin.left + index * step + (step - barWidth) / 2;
    return `<rect class="bar" x="${round(x)}" y="${round(top)}" width="${round(barWidth)}" height="${round(y(0) - top)}"><title>${escapeHtml(when)}: ${count(bar.entries)} entries</title></rect>`;
  });
  const unit = daysPerBar === 1 ? 'day' : daysPerBar === 7 ? 'week' : `${daysPerBar} days`;
  const label = `Entries per ${unit}, ${span.first} to ${span.last}`;
  return [
    `<figure class="${shape.name}"><figcaption>Entries per ${unit} of created_at, UTC</figcaption>`,
    `<svg viewBox="0 0 ${shape.width} ${shape.height}" role="img" aria-label="${escapeHtml(label)}">`,
    ...[0, 0.5, 1].map((part) => gridLine(most * part, y(most * part), shape)),
    `<g${step < barWidthWithGap ? ' shape-rendering="crispEdges"' : ''}>`,
    ...drawn,
    '</g>',
    ...dateLabels(span, { shape, daysPerBar, barCount: bars.length }),
    '</svg></figure>',
  ].join('\n');
}

/** What a picture shows badly: how many days have no entry, and the longest stretch of them. */
function summary(days: readonly DayReport[], span: Span): string {
  const dayCount = daysBetween(span.first, span.last) + 1;
  const withEntries = days.filter(({ entries }) => entries > 0);
  const most = withEntries.reduce<DayReport | undefined>(
    (best, day) => (best === undefined || day.entries > best.entries ? day : best),
    undefined,
  );
  if (most === undefined) return '';
  const sentences = [`Most on one day: ${count(most.entries)}, on ${most.day}.`];
  const empty = dayCount - withEntries.length;
  if (empty === 0)
    sentences.push(dayCount === 1 ? '' : `None of the ${count(dayCount)} days is without an entry.`);
  else {
    const { from, to, length } = longestGap(withEntries);
    sentences.push(
      `Of ${count(dayCount)} days ${count(empty)} ${empty === 1 ? 'has' : 'have'} no entry here` +
        (length === 1 && empty === 1
          ? `: ${from}.`
          : `; the longest stretch is ${length === 1 ? `a day, ${from}` : `${count(length)} days, ${from} to ${to}`}.`),
    );
  }
  return `<p class="small">${sentences
    .filter((sentence) => sentence !== '')
    .map(escapeHtml)
    .join(' ')}</p>`;
}

function longestGap(days: readonly DayReport[]): { from: string; to: string; length: number } {
  let longest = { from: '', to: '', length: 0 };
  for (const [index, { day }] of days.entries()) {
    const before = days[index - 1];
    if (before === undefined) continue;
    const length = daysBetween(before.day, day) - 1;
    if (length <= longest.length) continue;
    longest = { from: dayText(Date.parse(before.day) + dayMs), to: dayText(Date.parse(day) - dayMs), length };
  }
  return longest;
}

function gridLine(value: number, y: number, { width }: Shape): string {
  return (
    `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${round(y)}" y2="${round(y)}"/>` +
    `<text class="tick" x="${margin.left - 8}" y="${round(y + 4)}" text-anchor="end">${count(value)}</text>`
  );
}

function dateLabels(
  span: Span,
  {
    shape,
    daysPerBar,
    barCount,
  }: { readonly shape: Shape; readonly daysPerBar: number; readonly barCount: number },
): string[] {
  const { width, height, labelsMax } = shape;
  const step = (width - margin.left - margin.right) / barCount;
  const baseline = height - margin.bottom;
  const texts = labelledDays(span, labelsMax);
  let freeFrom = 0;
  return texts.flatMap((day) => {
    const x =
      margin.left + (daysBetween(span.first, day) / daysPerBar) * step + (daysPerBar === 1 ? step / 2 : 0);
    // The dates near the ends would hang out of the picture.
    const at = Math.min(Math.max(x, margin.left - 8 + labelWidth / 2), width - labelWidth / 2);
    const tick = `<line class="axis" x1="${round(x)}" x2="${round(x)}" y1="${baseline}" y2="${baseline + 5}"/>`;
    if (at - labelWidth / 2 < freeFrom) return [tick];
    freeFrom = at + labelWidth / 2 + 6;
    return [
      tick,
      `<text class="tick" x="${round(at)}" y="${height - 10}" text-anchor="middle">${escapeHtml(day)}</text>`,
    ];
  });
}

/** Of a date of ten characters. */
const labelWidth = 72;

/** The first days of months where there are several, else days in equal steps. */
function labelledDays({ first, last }: Span, most: number): string[] {
  const months = monthsBetween(first, last);
  if (months.length >= 3) {
    const every = [1, 2, 3, 6, 12, 24, 60].find((step) => Math.ceil(months.length / step) <= most) ?? 120;
    return months.filter((_, index) => index % every === 0);
  }
  const dayCount = daysBetween(first, last) + 1;
  const every = Math.ceil(dayCount / most);
  return Array.from({ length: Math.ceil(dayCount / every) }, (_, index) =>
    dayText(Date.parse(first) + index * every * dayMs),
  );
}

function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  const [from, to] = [Date.parse(first), Date.parse(last)];
  const month = new Date(from);
  month.setUTCDate(1);
  for (; month.getTime() <= to; month.setUTCMonth(month.getUTCMonth() + 1)) {
    if (month.getTime() >= from) months.push(dayText(month.getTime()));
  }
  return months;
}

/** Days without entries count too, so that a quiet week looks like one. */
function barsOf(
  days: readonly DayReport[],
  span: Span,
  barsMax: number,
): { readonly bars: readonly Bar[]; readonly daysPerBar: number } {
  const start = Date.parse(span.first);
  const dayCount = daysBetween(span.first, span.last) + 1;
  const fitting = daysPerBarChoices.find((choice) => Math.ceil(dayCount / choice) <= barsMax);
  const daysPerBar = fitting ?? Math.ceil(dayCount / barsMax);
  const bars: Bar[] = Array.from({ length: Math.ceil(dayCount / daysPerBar) }, (_, index) => ({
    from: dayText(start + index * daysPerBar * dayMs),
    to: dayText(start + Math.min(dayCount - 1, (index + 1) * daysPerBar - 1) * dayMs),
    entries: 0,
  }));
  for (const { day, entries } of days) {
    const bar = bars[Math.floor(daysBetween(span.first, day) / daysPerBar)];
    if (bar !== undefined) bar.entries += entries;
  }
  return { bars, daysPerBar };
}

function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / dayMs);
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
  return value.toFixed(2);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
