/** Compares the API's own list with what each sink holds. Findings are sentences; none means that all is well. */
import type { HeldEntry } from './held.ts';
import { heldBy } from './held.ts';
import type { SinkName, World } from './world.ts';

export async function checkContents(
  world: World,
  options: {
    readonly organization?: string;
    readonly parked?: ReadonlySet<number>;
    /** Several processes print side by side, and which line came first nobody can tell. */
    readonly hasSeveralPrinters?: boolean;
  } = {},
): Promise<string[]> {
  const { organization = 'acme' } = options;
  const sandbox = world.sandboxes.get(organization) ?? world.sandbox;
  const truth = sandbox.truth().map(({ raw }) => raw.toString('utf8'));
  const findings: string[] = [];
  let reference: readonly HeldEntry[] | undefined;
  for (const sink of world.sinks) {
    const held = await heldBy(world, sink, organization);
    const isTable = sink === 'warehouse';
    const parked = isTable ? (options.parked ?? new Set()) : new Set<number>();
    findings.push(
      ...orderFindings(sink, held, { parked, hasSeveralPrinters: options.hasSeveralPrinters === true }),
    );
    const once = sink === 'console' ? withoutRepeats(held) : held;
    if (parked.size === 0) findings.push(...compareWithTruth(sink, once, truth));
    findings.push(...compareWithOther(sink, once, reference));
    if (parked.size === 0) reference ??= once;
  }
  return findings;
}

function orderFindings(
  sink: SinkName,
  held: readonly HeldEntry[],
  known: { readonly parked: ReadonlySet<number>; readonly hasSeveralPrinters: boolean },
): string[] {
  if (sink !== 'console') return sequenceFindings(sink, held, known.parked);
  return known.hasSeveralPrinters ? [] : printedFindings(held);
}

/** Sequences count from 1 without a gap or a repeat. */
export function sequenceFindings(
  sink: SinkName,
  held: readonly HeldEntry[],
  parked: ReadonlySet<number> = new Set(),
): string[] {
  let expected = 1;
  for (const { sequence } of held) {
    while (parked.has(expected)) expected += 1;
    if (sequence !== expected) {
      const what = sequence < expected ? 'doubled or out of place' : 'missing before';
      return [`${sink}: ${what}: sequence ${sequence} stands where ${expected} belongs`];
    }
    expected += 1;
  }
  return [];
}

/** Printed at least once: a repeat is the same text, and nothing is printed before what it follows. */
export function printedFindings(held: readonly HeldEntry[]): string[] {
  const printed = new Map<number, string>();
  let last = 0;
  for (const { sequence, raw } of held) {
    const before = printed.get(sequence);
    if (before !== undefined && before !== raw)
      return [`console: sequence ${sequence} was printed in two versions`];
    if (before === undefined && sequence !== last + 1) {
      return [`console: sequence ${sequence} was printed first after ${last}`];
    }
    printed.set(sequence, raw);
    last = Math.max(last, sequence);
  }
  return [];
}

function withoutRepeats(held: readonly HeldEntry[]): HeldEntry[] {
  const bySequence = new Map(held.map((entry) => [entry.sequence, entry]));
  return [...bySequence.values()].toSorted((one, other) => one.sequence - other.sequence);
}

/** The same texts, each as often. */
export function compareWithTruth(
  sink: SinkName,
  held: readonly HeldEntry[],
  truth: readonly string[],
): string[] {
  const left = new Map<string, number>();
  for (const raw of truth) left.set(raw, (left.get(raw) ?? 0) + 1);
  for (const { raw } of held) left.set(raw, (left.get(raw) ?? 0) - 1);
  const off = [...left].filter(([, count]) => count !== 0);
  return off.slice(0, 5).map(([raw, count]) => {
    const what = count > 0 ? 'missing' : 'doubled or altered';
    return `${sink}: ${what}, ${off.length} in all: ${raw.slice(0, 120)}`;
  });
}

function compareWithOther(
  sink: SinkName,
  held: readonly HeldEntry[],
  reference: readonly HeldEntry[] | undefined,
): string[] {
  if (reference === undefined) return [];
  const texts = new Map(reference.map(({ sequence, raw }) => [sequence, raw]));
  const other = held.find(({ sequence, raw }) => (texts.get(sequence) ?? raw) !== raw);
  return other === undefined
    ? []
    : [`${sink}: sequence ${other.sequence} is another entry than in the other sinks`];
}
