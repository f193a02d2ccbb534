/** From an embedded store to a server, with an archive that goes on: as an operator does it, with the built program. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { openTestDatabase } from '../helpers/filled-ledger.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { runProgram, type Ended } from './run-program.ts';

let directory: string;
let sandbox: Sandbox;
let server: TestDatabase;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'moving-a-store-'));
  sandbox = await startSandbox({ entries: 120 });
  server = await createTestDatabase();
});

afterEach(async () => {
  await sandbox.close();
  await server.drop();
  await rm(directory, { recursive: true, force: true });
});

async function configure(settings: { readonly name: string; readonly store: string }): Promise<void> {
  await writeFile(
    join(directory, 'config.yaml'),
    `organizations: [{ name: ${settings.name} }]
store: { url: "${settings.store}" }
sinks: [{ name: disk, type: file, directory: "${join(directory, 'archive')}", roll: { entries: 50 } }]
log: { level: error }
`,
  );
}

async function audit(...words: readonly string[]): Promise<Ended> {
  const env = {
    CCLOUD_AUDIT_CONFIG: join(directory, 'config.yaml'),
    COCKROACH_SERVER: sandbox.url,
    COCKROACH_API_KEY: sandbox.apiKey,
  };
  const ended = await runProgram(words, { env });
  expect({ ...ended, stdout: '' }).toMatchObject({ exitCode: 0 });
  return ended;
}

async function archived(organization: string): Promise<string[]> {
  const root = join(directory, 'archive');
  const files = await readdir(root, { recursive: true, withFileTypes: true });
  const objects: [string, Buffer][] = [];
  for (const file of files) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    objects.push([path.slice(root.length + 1), await readFile(path)]);
  }
  return archivedLines(objects, organization).map(({ raw }) => raw);
}

async function ledgerEntries(): Promise<number> {
  const database = await openTestDatabase(server.url);
  try {
    const { rows } = await database.query<{ entries: string }>(
      'SELECT count(*) AS entries FROM ccloud_audit.entries',
    );
    return Number(rows[0]?.entries);
  } finally {
    await database.close();
  }
}

function truth(): string[] {
  return sandbox.truth().map(({ raw }) => raw.toString('utf8'));
}

it('keeps the ledger, its archive and its positions, through a copy, a reset and a new name', async () => {
  await configure({ name: 'acme', store: `pglite:${join(directory, 'data')}` });
  await audit('backfill');
  const refused = await runProgram(['query', 'SELECT 1; DELETE FROM ledger_rows'], {
    env: { CCLOUD_AUDIT_CONFIG: join(directory, 'config.yaml') },
  });
  expect(refused).toMatchObject({ exitCode: 2 });
  await writeFile(join(directory, 'url'), server.url);
  await audit('store', 'copy', '--url-file', join(directory, 'url'));
  expect(await ledgerEntries()).toBe(120);

  await configure({ name: 'acme', store: server.url });
  await audit('checkpoint', 'reset', 'acme', '--yes');
  sandbox.append([{}, {}, {}]);
  await audit('backfill');
  expect(await ledgerEntries()).toBe(123);
  expect((await archived('acme')).toSorted()).toEqual(truth().toSorted());

  await audit('organization', 'rename', 'acme', 'acme-2', '--yes');
  await configure({ name: 'acme-2', store: server.url });
  const [newest] = sandbox.append([{}]);
  await audit('backfill');
  expect(await ledgerEntries()).toBe(124);
  expect(await archived('acme-2')).toEqual([newest?.raw.toString('utf8')]);
  expect((await archived('acme')).length).toBe(123);
});
