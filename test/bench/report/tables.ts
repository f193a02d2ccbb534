/** The tables of the report, as rows of text; the terminal and BENCHMARKS.md print the same ones. */
import type { BoundaryRow, Results } from '../results.ts';
import { median, quantile, ratio, rounded } from '../statistics.ts';
import { figures, find, limitOf, sizes, type Figure } from './figures.ts';
import { targets } from './targets.ts';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tables(results: Results): Table[] {
  return [
    targetTable(results),
    ...sizes(results).flatMap((entries) => throughputTables(results, entries)),
    failureTable(results),
    boundaryTable(results),
    peerTable(results),
    parallelTable(results),
    freshnessTable(results),
    idleTable(results),
    startupTable(results),
    verifyTable(results),
  ].filter(({ rows }) => rows.length > 0);
}

function targetTable(results: Results): Table {
  return {
    title: 'What was to be reached',
    head: ['target', 'wanted', 'measured', 'reached'],
    rows: targets(results).map(({ what, wanted, measured, isReached }) => [
      what,
      wanted,
      measured,
      isReached === undefined ? '–' : isReached ? 'yes' : 'no',
    ]),
  };
}

function throughputTables(results: Results, entries: number): Table[] {
  const all = figures(results).filter(({ row }) => row.entries === entries);
  const count = entries.toLocaleString('en-US');
  const limits = all.filter(({ row }) => row.group === 'limit');
  return [
    {
      title: `The exporter with ${count} entries`,
      head: ['into', 'of its limit', 'entries/s', 'slowest to fastest', 's', 'peak MB', 'runs'],
      rows: all
        .filter(({ row }) => row.group === 'exporter')
        .map((figure) => [
          figure.row.title,
          ratio(figure.perSecond / limitOf(all, figure)),
          ...speed(figure),
        ]),
    },
    {
      title: `The limits with ${count} entries`,
      head: ['limit', 'entries/s', 'slowest to fastest', 's', 'peak MB', 'runs', 'how'],
      rows: limits.map((figure) => [figure.row.title, ...speed(figure), figure.row.note]),
    },
    {
      title: `The peers with ${count} entries`,
      head: [
        'peer',
        'the exporter is',
        'entries/s',
        'slowest to fastest',
        's',
        'peak MB',
        'runs',
        'what it writes',
      ],
      rows: all
        .filter(({ row }) => row.group === 'peer')
        .map((figure) => [
          figure.row.title,
          times(find(all, figure.row.target, entries), figure),
          ...speed(figure),
          figure.row.note,
        ]),
    },
  ];
}

function speed(figure: Figure): string[] {
  const [slowest, fastest] = figure.perSecondRange;
  return [
    rounded(figure.perSecond),
    `${rounded(slowest)} – ${rounded(fastest)}`,
    rounded(figure.seconds),
    figure.peakMegabytes === 0 ? '–' : rounded(figure.peakMegabytes),
    String(figure.row.seconds.length),
  ];
}

function times(own: Figure | undefined, peer: Figure): string {
  return own === undefined ? '–' : `${ratio(own.perSecond / peer.perSecond)} times as fast`;
}

/** Never silent about what has no number. */
function failureTable({ throughput = [] }: Results): Table {
  return {
    title: 'What gave no number',
    head: ['subject', 'entries', 'why'],
    rows: throughput
      .filter(({ failure }) => failure !== undefined)
      .map(({ title, entries, failure }) => [title, entries.toLocaleString('en-US'), oneLine(failure ?? '')]),
  };
}

function boundaryTable({ boundary = [] }: Results): Table {
  const columns = [...new Map(boundary.map((row) => [columnOf(row), row])).keys()];
  const cases = [...new Set(boundary.map((row) => row.case))];
  return {
    title: 'Boundary cases: entries lost and doubled',
    head: ['case', ...columns],
    rows: cases.map((name) => [
      name,
      ...columns.map((column) =>
        verdict(boundary.find((row) => row.case === name && columnOf(row) === column)),
      ),
    ]),
  };
}

function columnOf({ title, output }: BoundaryRow): string {
  return `${title}, ${output === 'jsonl' ? 'files' : 'PostgreSQL'}`;
}

/** In a few words: what is lost, what is doubled, and a run that did not end well. */
export function verdict(row: BoundaryRow | undefined): string {
  if (row === undefined) return '–';
  const { result } = row;
  if (result === undefined) return `failed: ${oneLine(row.failure ?? '')}`;
  const bad = result.runs.filter((run) => run !== 'ok' && run !== 'killed');
  const parts = [
    result.lost > 0 ? `${result.lost.toLocaleString('en-US')} lost` : '',
    result.doubled > 0 ? `${result.doubled.toLocaleString('en-US')} doubled` : '',
    result.foreign > 0 ? `${result.foreign.toLocaleString('en-US')} unknown` : '',
    ...new Set(bad),
  ].filter(Boolean);
  return parts.length === 0 ? 'whole' : parts.join(', ');
}

function peerTable({ peers = [], boundary = [] }: Results): Table {
  return {
    title: 'The peers',
    head: ['peer', 'versions', 'entries with other bytes', 'what it can’t do here'],
    rows: peers.map(({ name, title, versions, absent, missing }) => {
      const plain = boundary.find(
        (row) => row.participant === name && row.case === 'plain' && row.output === 'jsonl',
      );
      const { altered, held } = plain?.result ?? {};
      const share = altered === undefined || held === undefined ? '–' : `${altered} of ${held}`;
      return [title, absent === undefined ? versions : `not run: ${absent}`, share, missing];
    }),
  };
}

function parallelTable({ parallel = [] }: Results): Table {
  return {
    title: 'A backfill in parts, beside pages ÷ 10 per second',
    head: ['history', 'latency', 'of the ideal', 's', 'ideal s', 'requests', 'pages', 'parts'],
    rows: parallel.map((row) => [
      row.shape,
      `${row.latencyMs} ms`,
      ratio(row.ratio),
      rounded(row.seconds),
      rounded(row.idealSeconds),
      String(row.requests),
      String(row.pages),
      String(row.parallel),
    ]),
  };
}

function freshnessTable({ freshness = [] }: Results): Table {
  return {
    title: 'From visible in the API to in the sink, in ms, the daemon looking every second',
    head: ['sink', 'least', 'median', '95 of 100', 'most', 'entries'],
    rows: freshness.map(({ sink, milliseconds }) => [
      sink,
      ...[0, 0.5, 0.95, 1].map((share) => rounded(quantile(milliseconds, share))),
      String(milliseconds.length),
    ]),
  };
}

function idleTable({ idle = [] }: Results): Table {
  return {
    title: 'An idle sweep',
    head: ['what', 'pages asked for', 'other requests', 's'],
    rows: idle.map(({ what, pages, others, seconds }) => [
      what,
      ratio(pages),
      ratio(others),
      rounded(seconds),
    ]),
  };
}

function startupTable({ startup = [] }: Results): Table {
  return {
    title: 'Start-up',
    head: ['command', 'ms', 'slowest', 'peak MB', 'runs'],
    rows: startup.map(({ words, milliseconds, peakMegabytes }) => [
      `ccloud-audit ${words}`,
      rounded(median(milliseconds)),
      rounded(Math.max(...milliseconds)),
      rounded(median(peakMegabytes)),
      String(milliseconds.length),
    ]),
  };
}

function verifyTable({ verify = [] }: Results): Table {
  return {
    title: 'Verifying an archive in a directory',
    head: ['entries', 'objects', 'digests', 'MB of text', 'entries/s', 's', 'slowest', 'peak MB', 'runs'],
    rows: verify.map(({ entries, objects, digests, rawBytes, seconds, peakMegabytes }) => [
      entries.toLocaleString('en-US'),
      objects.toLocaleString('en-US'),
      String(digests),
      rounded(rawBytes / 1024 / 1024),
      rounded(entries / median(seconds)),
      rounded(median(seconds)),
      rounded(Math.max(...seconds)),
      rounded(median(peakMegabytes)),
      String(seconds.length),
    ]),
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 200);
}
