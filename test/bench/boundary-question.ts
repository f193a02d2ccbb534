/** Every participant in every boundary case, with each output that it has. */
import type { BenchPostgres } from './bench-postgres.ts';
import { boundaryCases } from './boundary-cases.ts';
import { runBoundaryCase } from './boundary-run.ts';
import { exporter } from './exporter-participant.ts';
import type { InstalledPeer } from './peer-subjects.ts';
import { outputs, type Installed, type Output } from './peers/peer.ts';
import { withoutPaths } from './plain-words.ts';
import type { BoundaryRow } from './results.ts';

const timeoutMs = 60_000;
const quickCases = new Set(['plain', 'late']);

export interface BoundaryQuestionOptions {
  readonly postgres: BenchPostgres;
  readonly installed: readonly InstalledPeer[];
  /** Two cases, files alone. */
  readonly isQuick: boolean;
  /** Not compared again. */
  readonly known: readonly BoundaryRow[];
  readonly isTimeUp: () => boolean;
  readonly onStart: (text: string) => void;
  readonly onRows: (rows: readonly BoundaryRow[]) => Promise<void>;
}

interface Participant {
  readonly name: string;
  readonly title: string;
  readonly outputs: readonly Output[];
  readonly program: Installed;
}

export async function askBoundary(options: BoundaryQuestionOptions): Promise<void> {
  const rows = [...options.known];
  const isKnown = (wanted: BoundaryRow): boolean =>
    rows.some(
      (row) =>
        row.participant === wanted.participant && row.output === wanted.output && row.case === wanted.case,
    );
  for (const boundary of boundaryCases.filter(({ name }) => !options.isQuick || quickCases.has(name))) {
    for (const { name, title, outputs: own, program } of participants(options.installed)) {
      for (const output of options.isQuick ? own.slice(0, 1) : own) {
        if (options.isTimeUp()) return;
        const row = { participant: name, title, versions: program.versions, output, case: boundary.name };
        if (isKnown(row)) continue;
        options.onStart(`${boundary.title}: ${title}, ${output}`);
        const databaseUrl = await options.postgres.emptyDatabase();
        try {
          const result = await runBoundaryCase(program, boundary, { output, databaseUrl, timeoutMs });
          rows.push({ ...row, result });
        } catch (error) {
          rows.push({
            ...row,
            failure: withoutPaths(error instanceof Error ? error.message : String(error)),
          });
        }
        await options.onRows(rows);
      }
    }
  }
}

function participants(installed: readonly InstalledPeer[]): Participant[] {
  return [
    { name: 'exporter', title: 'this exporter', outputs, program: exporter },
    ...installed.map(({ peer, installed: program }) => ({ ...peer, program })),
  ];
}
