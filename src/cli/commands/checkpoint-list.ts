import { beginningOfTime, endOfTime, type Interval } from '../../ledger/coverage.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { listOrganizations, type Organization } from '../../ledger/organizations.ts';
import { readCoverage, readStretches, type Stretch } from '../../ledger/stretches.ts';
import { formatTimestamp, type Nanos } from '../../time.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printListing } from '../output.ts';
import { withStore } from './store-access.ts';

interface Reading {
  readonly organization: Organization;
  readonly stretches: readonly Stretch[];
  readonly coverage: readonly Interval[];
}

interface ReadingRow {
  readonly organization: string;
  readonly part: 'tail' | 'stretch' | 'covered';
  readonly from: string;
  readonly to: string;
  readonly checkpoint: string;
}

export async function run(context: CliContext): Promise<ExitCode> {
  const readings = await withStore(context, { command: 'checkpoint list', looksOnly: true }, ({ ledger }) =>
    readAll(ledger),
  );
  await printListing(context, {
    rows: readings.flatMap(toRows),
    columns: [
      { title: 'organization', text: ({ organization }) => organization },
      { title: 'part', text: ({ part }) => part },
      { title: 'from', text: ({ from }) => from },
      { title: 'to', text: ({ to }) => to },
      { title: 'checkpoint', text: ({ checkpoint }) => checkpoint },
    ],
    json: { organizations: readings.map(toJson) },
    empty: 'The store knows no organization: nothing was exported with it yet.',
  });
  return exitCodes.done;
}

async function readAll(ledger: Ledger): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const organization of await listOrganizations(ledger)) {
    readings.push({
      organization,
      stretches: await readStretches(ledger, organization.id),
      coverage: await readCoverage(ledger, organization.id),
    });
  }
  return readings;
}

/** The past that was read, the past that is being read, and the tail, whose end is how far it was read. */
function toRows({ organization, stretches, coverage }: Reading): ReadingRow[] {
  const { name, boundary, tailCoveredTo, tailCheckpoint } = organization;
  const row = (part: ReadingRow['part'], interval: Interval, checkpoint: string): ReadingRow => ({
    organization: name,
    part,
    from: timeOf(interval.from) ?? 'beginning',
    to: timeOf(interval.to) ?? 'end',
    checkpoint,
  });
  return [
    ...coverage.map((interval) => row('covered', interval, '')),
    ...stretches.map((stretch) => row('stretch', stretch, stretch.checkpoint ?? 'not begun')),
    {
      organization: name,
      part: 'tail',
      from: boundary === undefined ? '' : (timeOf(boundary) ?? ''),
      to: tailCoveredTo === undefined ? '' : (timeOf(tailCoveredTo) ?? ''),
      checkpoint: tailCheckpoint ?? 'not begun',
    },
  ];
}

function toJson({ organization, stretches, coverage }: Reading): object {
  const { boundary, tailCoveredTo, tailCheckpoint } = organization;
  return {
    organization: organization.name,
    head: organization.nextSequence - 1,
    tail: {
      from: boundary === undefined ? null : timeOf(boundary),
      coveredTo: tailCoveredTo === undefined ? null : timeOf(tailCoveredTo),
      checkpoint: tailCheckpoint ?? null,
    },
    stretches: stretches.map(({ from, to, checkpoint }) => ({
      from: timeOf(from),
      to: timeOf(to),
      checkpoint: checkpoint ?? null,
    })),
    coverage: coverage.map(({ from, to }) => ({ from: timeOf(from), to: timeOf(to) })),
  };
}

/** Null for the ends of time. */
function timeOf(time: Nanos): string | null {
  return time <= beginningOfTime || time >= endOfTime ? null : formatTimestamp(time);
}
