/**
 * The ledger and a sink, by place and hash: whether the sink still holds what it acknowledged. Entries that it was not
 * given yet, that it begins after, or that are parked, are not looked for.
 */
import type { HeldPlace, Sink } from '../../../sinks/sink.ts';
import { SinkError } from '../../../sinks/sink-error.ts';
import { heldEntry } from '../../delivery/attach.ts';
import type { Interval } from '../../ledger/coverage.ts';
import { findDelivery } from '../../ledger/deliveries.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { objectRanges, type ObjectRange } from '../../ledger/objects.ts';
import type { Organization } from '../../ledger/organizations.ts';
import { parkedSequences } from '../../ledger/parked.ts';
import { rowsOfTime, type TimeBlocks, type TimedRow } from '../../ledger/rows-by-time.ts';
import { Collected, type Finding } from './findings.ts';

export interface SinkComparison {
  readonly sink: string;
  readonly type: string;
  /** Why it was not compared, as a sentence; undefined: it was. */
  readonly notCompared: string | undefined;
  /** Whether that is because it is unavailable, and not because of what it is. */
  readonly isUnavailable: boolean;
  /** How many entries were looked for. */
  readonly compared: number;
  readonly missing: Finding;
  readonly altered: Finding;
  /** What to do where something was found. */
  readonly advice: string | undefined;
}

export interface SinkComparisonOptions {
  readonly ledger: Ledger;
  readonly organization: Organization;
  readonly sink: Sink;
  readonly blocks: TimeBlocks;
  readonly range: Interval;
  readonly onProgress: (entries: number) => void;
  readonly signal: AbortSignal;
}

export async function compareWithSink(options: SinkComparisonOptions): Promise<SinkComparison> {
  const { ledger, organization, sink, signal } = options;
  const none = { sink: sink.name, type: sink.type, compared: 0, isUnavailable: false, advice: undefined };
  const empty = { missing: new Collected().finding(), altered: new Collected().finding() };
  if (sink.capabilities.repeats === 'visible') {
    return {
      ...none,
      ...empty,
      notCompared: `What went through a sink of type ${sink.type} can't be looked at.`,
    };
  }
  const delivery = await findDelivery(ledger, organization.id, sink.name);
  if (delivery === undefined || delivery.retiredAt !== undefined) {
    return { ...none, ...empty, notCompared: 'It was given nothing yet.' };
  }
  try {
    await sink.open({ signal });
    const held = await lookFor(options, { first: delivery.firstSequence, last: delivery.offset });
    const isWhole = held.missing.count + held.altered.count === 0;
    return { ...none, ...held, notCompared: undefined, advice: isWhole ? undefined : advice(options) };
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
    return { ...none, ...empty, isUnavailable: true, notCompared: error.message };
  }
}

/** A larger object is read more than once. */
const groupRowsMax = 50_000;

interface Held {
  readonly compared: number;
  readonly missing: Finding;
  readonly altered: Finding;
}

async function lookFor(
  options: SinkComparisonOptions,
  given: { readonly first: number; readonly last: number },
): Promise<Held> {
  const { signal } = options;
  const found = { missing: new Collected(), altered: new Collected() };
  let compared = 0;
  for await (const group of groupsOf(options, given)) {
    signal.throwIfAborted();
    const bySequence = new Map(group.rows.map((row) => [row.sequence, row]));
    const entries = group.rows.map(({ sequence, lineSha256 }) => ({
      sequence,
      sha256: lineSha256,
      object: group.object,
    }));
    for (const { sequence, kind } of await differencesOf(options, entries)) {
      const row = bySequence.get(sequence);
      if (row !== undefined) found[kind].add(row.key, { id: row.key, createdAt: row.createdAt, sequence });
    }
    compared += group.rows.length;
    options.onProgress(group.rows.length);
  }
  return { compared, missing: found.missing.finding(), altered: found.altered.finding() };
}

/** Rows that the sink should hold, in the order of sequence; for sinks with objects those of one object. */
interface Group {
  readonly object: string | undefined;
  readonly rows: readonly TimedRow[];
}

async function* groupsOf(
  options: SinkComparisonOptions,
  given: { readonly first: number; readonly last: number },
): AsyncGenerator<Group> {
  const { ledger, organization, sink, blocks, range } = options;
  let open: Group | undefined;
  for await (const rows of rowsOfTime(ledger, blocks, range)) {
    const [first, last] = [rows[0]?.sequence ?? 0, rows.at(-1)?.sequence ?? 0];
    const place = { organization: organization.id, sink: sink.name, first, last };
    const parked = await parkedSequences(ledger, place);
    const objects = sink.capabilities.roll === undefined ? [] : await objectRanges(ledger, place);
    const expected = rows.filter(
      ({ sequence }) => sequence >= given.first && sequence <= given.last && !parked.has(sequence),
    );
    for (const group of byObject(expected, objects)) {
      // A block may end in the middle of an object, which is read once for all of its entries.
      const goesOn = open !== undefined && group.object !== undefined && open.object === group.object;
      if (goesOn && open !== undefined && open.rows.length < groupRowsMax) {
        open = { object: open.object, rows: [...open.rows, ...group.rows] };
        continue;
      }
      if (open !== undefined) yield open;
      open = group;
    }
  }
  if (open !== undefined) yield open;
}

async function differencesOf(
  options: SinkComparisonOptions,
  entries: readonly HeldPlace[],
): Promise<readonly { readonly sequence: number; readonly kind: 'missing' | 'altered' }[]> {
  const { ledger, organization, sink, signal } = options;
  if (sink.compare !== undefined) return await sink.compare(organization.name, entries, { signal });
  const differences: { sequence: number; kind: 'missing' }[] = [];
  for (const { sequence } of entries) {
    const entry = await heldEntry(ledger, { organization: organization.id, sink: sink.name, sequence });
    if (entry === undefined || (await sink.holds(organization.name, entry, { signal }))) continue;
    differences.push({ sequence, kind: 'missing' });
  }
  return differences;
}

/** Rows in the order of sequence, cut where an object ends. */
function byObject(rows: readonly TimedRow[], objects: readonly ObjectRange[]): Group[] {
  const groups: { object: string | undefined; rows: TimedRow[] }[] = [];
  let next = 0;
  for (const row of rows) {
    while ((objects[next]?.lastSequence ?? row.sequence) < row.sequence) next += 1;
    const range = objects[next];
    const object = range !== undefined && range.firstSequence <= row.sequence ? range.key : undefined;
    const last = groups.at(-1);
    if (last === undefined || last.object !== object) groups.push({ object, rows: [row] });
    else last.rows.push(row);
  }
  return groups;
}

function advice({ organization, sink }: SinkComparisonOptions): string {
  if (sink.capabilities.roll !== undefined) {
    return 'An archive is never written twice: `ccloud-audit verify` tells what was altered; bring the objects back from a copy or an older version.';
  }
  return (
    `Restore what was deleted or altered, or have the sink written again: \`ccloud-audit offset reset ${organization.name} ${sink.name}\` ` +
    'brings back what is missing, and stops at what is altered.'
  );
}
