/** What no exporter can be faster than: the parts of its work that it can't leave out, each alone. */
import { stat } from 'node:fs/promises';
import { parseTableName } from '../../sinks/postgres/index.ts';
import { createTableSql } from '../../sinks/postgres/table.ts';
import { query } from './bench-postgres.ts';
import { download } from './download.ts';
import { benchApiKey, sinkTable } from './exporter-run.ts';
import { measure, type Ended } from './measured-process.ts';
import { psqlCommand } from './psql.ts';
import { expectCount, type Measured, type Stage, type Subject } from './subject.ts';

export const limitSubjects: readonly Subject[] = [
  {
    name: 'download',
    title: 'downloading the pages alone',
    group: 'limit',
    target: 'download',
    note: 'one after the other, bodies read and dropped; without the start of the process',
    measure: async ({ standIn }) => ({
      ...(await download(standIn.url, benchApiKey)),
      cpuSeconds: 0,
      peakMegabytes: 0,
    }),
  },
  {
    name: 'copy-sink',
    title: 'COPY into a table like the sink’s alone',
    group: 'limit',
    target: 'copy-sink',
    note: 'psql from a file: all columns, both keys, the index',
    measure: async (stage) => {
      const { sinkRows } = await stage.samples();
      return await copy(stage, {
        table: sinkTable,
        file: sinkRows,
        ddl: [
          'CREATE SCHEMA audit',
          createTableSql(parseTableName(sinkTable)),
          `CREATE INDEX ON ${sinkTable} (organization, created_at)`,
        ],
      });
    },
  },
  {
    name: 'copy-plain',
    title: 'COPY into (sequence, id, created_at, raw) alone',
    group: 'limit',
    target: 'copy-plain',
    note: 'psql from a file: sequence the primary key, id unique',
    measure: async (stage) => {
      const { plainRows } = await stage.samples();
      const columns = 'sequence bigint PRIMARY KEY, id text UNIQUE, created_at timestamptz, raw text';
      return await copy(stage, { table: 'plain', file: plainRows, ddl: [`CREATE TABLE plain (${columns})`] });
    },
  },
  {
    name: 'gzip',
    title: 'gzip of the same text alone',
    group: 'limit',
    target: 'gzip',
    note: 'the program gzip at its default level, one thread',
    measure: async (stage) => {
      const { raw } = await stage.samples();
      const { timeoutMs } = stage;
      const out = `${raw}.gz`;
      const ended = must(
        await measure({ program: 'gzip', words: ['-c', raw], stdoutTo: out }, { timeoutMs }),
      );
      if ((await stat(out)).size === 0) throw new Error('gzip wrote nothing');
      return ended;
    },
  },
];

async function copy(
  { postgres, standIn, timeoutMs }: Stage,
  work: { readonly table: string; readonly file: string; readonly ddl: readonly string[] },
): Promise<Measured> {
  const url = await postgres.emptyDatabase();
  for (const statement of work.ddl) await query(url, statement);
  const ended = must(
    await measure(psqlCommand(url, `\\copy ${work.table} FROM '${work.file}'`), { timeoutMs }),
  );
  const [row] = await query(url, `SELECT count(*) AS rows FROM ${work.table}`);
  expectCount(work.table, Number(row?.['rows']), standIn.entries);
  return ended;
}

function must(ended: Ended): Ended {
  if (ended.exitCode !== 0) throw new Error(`It ended with ${ended.exitCode}: ${ended.said}`);
  return ended;
}
