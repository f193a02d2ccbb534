/** One PostgreSQL server for the whole test run; tests take databases of their own from it (see postgres.ts). */
import type { TestProject } from 'vitest/node';
import { startPostgresServer } from './postgres-server.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgresServer();
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}
