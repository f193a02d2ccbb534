/**
 * One PostgreSQL server for the whole test run; tests take databases of their own from it (see postgres.ts). Every statement
 * that the program sent to it, in whatever process, is held to what CockroachDB can do, at the end of the run.
 */
import type { TestProject } from 'vitest/node';
import { assertCockroachCompatible } from './cockroach-compatible.ts';
import { startPostgresServer } from './postgres-server.ts';
import { StatementLog, statementLogSettings } from './statement-log.ts';

/** As the program calls itself; tests that connect themselves have other names, and statements of their own. */
const applicationName = 'ccloud-audit-export';

/** Runs only where the server is not CockroachDB, by the sink's own choice. */
const onlyOnPostgres = [
  /^CREATE TEMPORARY TABLE pg_temp\.ccloud_audit_batch/,
  /^VACUUM/,
  /^SELECT pg_terminate_backend/,
];

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = new StatementLog(applicationName);
  const server = await startPostgresServer({
    settings: statementLogSettings,
    onLog: (text) => log.add(text),
  });
  project.provide('postgresUrl', server.url);
  return async () => {
    await server.stop();
    log.end();
    // The test runner reports what is thrown here, and would still end as if all were well.
    const exitCode = process.exitCode;
    process.exitCode = 1;
    for (const statement of log.statements) {
      if (!onlyOnPostgres.some((pattern) => pattern.test(statement))) assertCockroachCompatible(statement);
    }
    process.exitCode = exitCode;
  };
}
