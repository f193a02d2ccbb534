/** One line of Prometheus's text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const comment = /^# (?:HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+$/;
const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** Strict: a line that is neither a comment nor a sample is an error. */
export function readSamples(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !comment.test(line))
    .map(readSample);
}

function readSample(line: string): Sample {
  const match = sample.exec(line);
  const [, name, labels = '', number] = match ?? [];
  // Numbers are what Go's ParseFloat takes, which does not mind the case of NaN.
  const isNaN = number?.toLowerCase() === 'nan';
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (name === undefined || (Number.isNaN(value) && !isNaN)) throw new TypeError(`no sample: ${line}`);
  const pairs = [...labels.matchAll(label)].map(([, key = '', text = '']) => [key, text] as const);
  return { name, labels: Object.fromEntries(pairs), value };
}
