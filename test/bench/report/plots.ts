/** One plot for each question, drawn by Vega-Lite without a browser. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Results } from '../results.ts';
import { figures, find, sizes } from './figures.ts';
import { verdict } from './tables.ts';

export interface Plot {
  /** Of its file, without an ending. */
  readonly name: string;
  readonly title: string;
  readonly spec: TopLevelSpec;
}

export async function svg({ spec }: Plot): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Those of which something was measured. */
export function plots(results: Results): Plot[] {
  return [
    throughputPlot(results),
    peerPlot(results, 'files', 'Into files: beside the limits and the peers'),
    peerPlot(results, 'postgres', 'Into PostgreSQL: beside the limits and the peers'),
    memoryPlot(results),
    parallelPlot(results),
    freshnessPlot(results),
    boundaryPlot(results),
    startupPlot(results),
    idlePlot(results),
  ].flatMap((plot) => plot ?? []);
}

const look = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  background: 'white',
  padding: 12,
  config: {
    font: 'sans-serif',
    axis: { labelFontSize: 12, titleFontSize: 12 },
    // Beside the plot it would meet the numbers at the ends of the bars.
    legend: { labelFontSize: 12, titleFontSize: 12, labelLimit: 500, orient: 'bottom' },
    header: { labelFontSize: 12, titleFontSize: 12 },
  },
} as const;

const colours = { exporter: '#1f6feb', limit: '#8c959f', peer: '#d4a72c' } as const;
const groupScale = { domain: ['exporter', 'limit', 'peer'], range: Object.values(colours) };

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly group: string;
}

const wholeLabels = { labelLimit: 500 };

/** Bars with their values written beside them, in the order given. */
function bars(values: readonly Bar[], axis: string, format: string): TopLevelSpec {
  const order = values.map(({ label }) => label);
  return {
    ...look,
    width: 520,
    height: { step: 24 },
    data: { values: [...values] },
    encoding: {
      y: { field: 'label', type: 'nominal', sort: order, title: null, axis: wholeLabels },
      x: { field: 'value', type: 'quantitative', title: axis, scale: { zero: true } },
    },
    layer: [
      {
        mark: { type: 'bar', height: 16 },
        encoding: { color: { field: 'group', type: 'nominal', scale: groupScale, title: null } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 12 },
        encoding: { text: { field: 'value', type: 'quantitative', format } },
      },
    ],
  };
}

function throughputPlot(results: Results): Plot | undefined {
  const values = figures(results)
    .filter(({ row }) => row.group === 'exporter')
    .map(({ row, perSecond }) => ({
      sink: row.title.replace(', embedded store', ''),
      store: row.note,
      entries: `${row.entries.toLocaleString('en-US')} entries`,
      value: perSecond,
    }));
  if (values.length === 0) return undefined;
  return {
    name: 'throughput',
    title: 'Entries per second, end to end',
    spec: {
      ...look,
      data: { values },
      facet: { row: { field: 'store', type: 'nominal', title: null } },
      spec: {
        width: 520,
        height: { step: 16 },
        encoding: {
          y: { field: 'sink', type: 'nominal', title: null, sort: null },
          yOffset: { field: 'entries', type: 'nominal', sort: null },
          x: { field: 'value', type: 'quantitative', title: 'entries per second' },
        },
        layer: [
          {
            mark: 'bar',
            encoding: {
              color: { field: 'entries', type: 'nominal', title: null, sort: null, scale: twoSizes },
            },
          },
          {
            mark: { type: 'text', align: 'left', dx: 4, fontSize: 11 },
            encoding: { text: { field: 'value', type: 'quantitative', format: ',.0f' } },
          },
        ],
      },
    },
  };
}

const twoSizes = { range: ['#1f6feb', '#79b8ff'] };

function peerPlot(results: Results, target: 'files' | 'postgres', title: string): Plot | undefined {
  const all = figures(results);
  const [small = 0] = sizes(results);
  const limits =
    target === 'files' ? ['download', 'copy-plain', 'gzip'] : ['download', 'copy-sink', 'copy-plain'];
  const chosen = [
    ...limits.flatMap((name) => find(all, name, small) ?? []),
    ...all.filter(({ row }) => row.entries === small && row.target === target),
  ];
  if (chosen.length === 0) return undefined;
  const values = chosen
    .map(({ row, perSecond }) => ({
      label: labelOf(row.group, row.title),
      value: perSecond,
      group: row.group,
    }))
    .toSorted((a, b) => b.value - a.value);
  return { name: `into-${target}`, title, spec: bars(values, 'entries per second', ',.0f') };
}

function labelOf(group: string, title: string): string {
  return group === 'exporter' ? `the exporter: ${title}` : title;
}

function memoryPlot(results: Results): Plot | undefined {
  const values = figures(results)
    .filter(({ peakMegabytes, row }) => peakMegabytes > 0 && row.group !== 'limit')
    .map(({ row, peakMegabytes }) => ({
      label: labelOf(row.group, row.title),
      entries: `${row.entries.toLocaleString('en-US')} entries`,
      value: peakMegabytes,
    }));
  if (values.length === 0) return undefined;
  const place = {
    y: { field: 'label', type: 'nominal', title: null, sort: null, axis: wholeLabels },
    yOffset: { field: 'entries', type: 'nominal', sort: null },
    x: { field: 'value', type: 'quantitative', title: 'MB, all processes of the command together' },
  } as const;
  return {
    name: 'memory',
    title: 'Peak memory',
    spec: {
      ...look,
      width: 520,
      height: { step: 15 },
      data: { values },
      layer: [
        // What the exporter is to stay under beside an external PostgreSQL.
        {
          mark: { type: 'rule', strokeDash: [4, 4], color: '#cf222e', opacity: 0.4 },
          encoding: { x: { datum: 200 } },
        },
        {
          mark: 'bar',
          encoding: {
            ...place,
            color: { field: 'entries', type: 'nominal', title: null, sort: null, scale: twoSizes },
          },
        },
        {
          mark: { type: 'text', align: 'left', dx: 4, fontSize: 11 },
          encoding: { ...place, text: { field: 'value', type: 'quantitative', format: ',.0f' } },
        },
      ],
    },
  };
}

function parallelPlot({ parallel = [] }: Results): Plot | undefined {
  if (parallel.length === 0) return undefined;
  const values = parallel.map(({ shape, latencyMs, ratio }) => ({
    shape,
    latency: `${latencyMs} ms`,
    ratio,
  }));
  return {
    name: 'parallel',
    title: 'A backfill in eight parts at ten requests a second',
    spec: {
      ...look,
      width: 420,
      height: 260,
      data: { values },
      encoding: {
        x: {
          field: 'latency',
          type: 'nominal',
          sort: null,
          title: 'latency of the API',
          axis: { labelAngle: 0 },
        },
        xOffset: { field: 'shape', type: 'nominal', sort: null },
        y: { field: 'ratio', type: 'quantitative', title: 'time ÷ (pages ÷ 10 per second)' },
      },
      layer: [
        {
          mark: 'bar',
          encoding: { color: { field: 'shape', type: 'nominal', title: 'history', sort: null } },
        },
        {
          mark: { type: 'text', dy: -6, fontSize: 11 },
          encoding: { text: { field: 'ratio', type: 'quantitative', format: '.2f' } },
        },
      ],
    },
  };
}

function freshnessPlot({ freshness = [] }: Results): Plot | undefined {
  const values = freshness.flatMap(({ sink, milliseconds }) =>
    milliseconds
      .toSorted((a, b) => a - b)
      .map((value, place) => ({ sink, value, share: (place + 1) / milliseconds.length })),
  );
  if (values.length === 0) return undefined;
  return {
    name: 'freshness',
    title: 'From visible in the API to in the sink, the daemon looking every second',
    spec: {
      ...look,
      width: 520,
      height: 240,
      data: { values },
      mark: { type: 'line', interpolate: 'step-after' },
      encoding: {
        x: { field: 'value', type: 'quantitative', title: 'milliseconds' },
        y: { field: 'share', type: 'quantitative', title: 'share of entries', axis: { format: '%' } },
        color: { field: 'sink', type: 'nominal', title: null },
      },
    },
  };
}

function boundaryPlot({ boundary = [] }: Results): Plot | undefined {
  if (boundary.length === 0) return undefined;
  const values = boundary.map((row) => ({
    who: `${row.title}, ${row.output === 'jsonl' ? 'files' : 'PostgreSQL'}`,
    case: row.case,
    verdict: verdict(row).replaceAll(', ', '\n').split('\n'),
    isWhole: verdict(row) === 'whole' ? 'whole' : 'not whole',
  }));
  return {
    name: 'boundary',
    title: 'Boundary cases: what is lost, doubled, or never ends',
    spec: {
      ...look,
      width: { step: 96 },
      height: { step: 44 },
      data: { values },
      encoding: {
        x: {
          field: 'case',
          type: 'nominal',
          sort: null,
          title: null,
          axis: { orient: 'top', labelAngle: 0 },
        },
        y: { field: 'who', type: 'nominal', sort: null, title: null, axis: wholeLabels },
      },
      layer: [
        {
          mark: { type: 'rect', stroke: 'white' },
          encoding: {
            color: {
              field: 'isWhole',
              type: 'nominal',
              title: null,
              scale: { domain: ['whole', 'not whole'], range: ['#aceebb', '#ffc1c0'] },
            },
          },
        },
        {
          mark: { type: 'text', fontSize: 11, baseline: 'middle' },
          encoding: { text: { field: 'verdict', type: 'nominal' } },
        },
      ],
    },
  };
}

function startupPlot({ startup = [] }: Results): Plot | undefined {
  const alone = startup.filter(({ words }) => words.startsWith('--'));
  const values = alone.flatMap(({ words, milliseconds }) => milliseconds.map((value) => ({ words, value })));
  if (values.length === 0) return undefined;
  return {
    name: 'startup',
    title: 'Start-up of the command',
    spec: {
      ...look,
      width: 520,
      height: { step: 36 },
      data: { values },
      encoding: {
        y: { field: 'words', type: 'nominal', title: null },
        x: { field: 'value', type: 'quantitative', title: 'milliseconds', scale: { zero: true } },
      },
      layer: [
        { mark: { type: 'point', filled: true, opacity: 0.4, size: 50 } },
        {
          mark: { type: 'tick', thickness: 3, size: 24 },
          encoding: { x: { aggregate: 'median', field: 'value' } },
        },
      ],
    },
  };
}

function idlePlot({ idle = [] }: Results): Plot | undefined {
  if (idle.length === 0) return undefined;
  const values = idle.flatMap(({ what, pages, others }) => [
    { what: what.split(',')[0]?.replaceAll('`', '') ?? '', kind: 'pages', value: pages },
    { what: what.split(',')[0]?.replaceAll('`', '') ?? '', kind: 'others', value: others },
  ]);
  return {
    name: 'idle',
    title: 'Requests of an idle sweep',
    spec: {
      ...look,
      width: 420,
      height: { step: 36 },
      data: { values },
      mark: 'bar',
      encoding: {
        y: { field: 'what', type: 'nominal', sort: null, title: null },
        x: { field: 'value', type: 'quantitative', title: 'requests', axis: { tickMinStep: 1 } },
        color: { field: 'kind', type: 'nominal', title: null, sort: null },
      },
    },
  };
}
