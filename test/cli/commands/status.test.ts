import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { run } from '../../../src/cli/commands/status.ts';
import type { OutputFormat } from '../../../src/cli/context.ts';
import { exitCodes } from '../../../src/cli/exit-codes.ts';
import { acquireDirectoryLock, type Holder } from '../../../src/database/directory-lock.ts';
import { readStatus, type Status } from '../../../src/exporter/status.ts';
import {
  addDelivery,
  addOrganization,
  createStatusFixture,
  empty,
  fail,
  type StatusFixture,
} from '../../exporter/status-fixture.ts';
import { createTestDatabase } from '../../helpers/postgres.ts';
import { rejectionOf } from '../../helpers/rejection.ts';
import { fakeTerminal, type FakeTerminal } from '../terminal.ts';

let fixture: StatusFixture;

beforeAll(async () => {
  fixture = await createStatusFixture();
});
beforeEach(() => empty(fixture));
afterAll(() => fixture.dispose());

test('prints a line for each organization and sink, without an API key, and ends with 0 when all is Running', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 3 });
  await addDelivery(fixture.ledger, { organization: id, sink: 'warehouse', offset: 3 });
  const { terminal, exitCode } = await status(fixture.url);
  expect(exitCode).toBe(exitCodes.done);
  const lines = terminal.out().trimEnd().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^ORGANIZATION +SINK +STATE +POSITION +LAG +LAST SUCCESS +IN WORDS$/);
  expect(lines[1]).toMatch(/^acme +Running +2026-01-01T00:00:00\.5Z .* Caught up \d+ s ago\.$/);
  expect(lines[2]).toMatch(/^acme +warehouse +Running +3 of 3 +0 .* Holds everything\.$/);
});

test('-o json prints the documented shape', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 3 });
  await addDelivery(fixture.ledger, { organization: id, sink: 'warehouse', offset: 1 });
  const { terminal } = await status(fixture.url, { output: 'json' });
  const printed = JSON.parse(terminal.out()) as Status;
  expect(Object.keys(printed)).toEqual(['at', 'state', 'ledgerId', 'organizations']);
  expect(printed.organizations[0]).toMatchObject({
    name: 'acme',
    head: 3,
    sinks: [{ name: 'warehouse', offset: 1, lagEntries: 2, destination: 'somewhere/warehouse' }],
  });
});

test('ends with 3 for an organization and with 4 for a sink that is not Running', async () => {
  const acme = await addOrganization(fixture.ledger, { name: 'acme', entries: 3 });
  const lease = await addDelivery(fixture.ledger, { organization: acme.id, sink: 'warehouse', offset: 3 });
  const failure = { code: 'unreachable', sentence: 'It does not answer.', isStopped: false };
  await fail(fixture.ledger, lease, failure);
  expect((await status(fixture.url)).exitCode).toBe(exitCodes.destination);
  await fail(fixture.ledger, acme.lease, failure);
  expect((await status(fixture.url)).exitCode).toBe(exitCodes.source);
});

test('what is configured and was never started is shown', async () => {
  const { terminal, exitCode } = await status(fixture.url, {
    more: 'organizations: [{ name: beta, apiKey: some-key }]\nsinks: [{ name: disk, type: file, directory: ./d }]',
  });
  expect(exitCode).toBe(exitCodes.source);
  expect(terminal.out()).toMatch(/^beta +Degraded +Not started yet\.$/m);
  expect(terminal.out()).toMatch(/^beta +disk +Degraded +0 +Not started yet\.$/m);
});

test('an empty store says so', async () => {
  const { terminal, exitCode } = await status(fixture.url);
  expect(exitCode).toBe(exitCodes.source);
  expect(terminal.out()).toBe('');
  expect(terminal.err()).toContain('The store knows no organization');
});

test('a database without tables is told about and stays without', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const untouched = { kind: 'store', code: 'store_not_migrated' };
  expect(await rejectionOf(status(database.url))).toMatchObject(untouched);
  expect(await rejectionOf(status(database.url))).toMatchObject(untouched);
});

test('whoever holds an embedded store is asked, and answers the same', async () => {
  await addOrganization(fixture.ledger, { name: 'acme', entries: 3 });
  const url = await heldStore({ command: 'ccloud-audit run', status: () => readStatus(fixture.ledger) });
  const { terminal, exitCode } = await status(url);
  expect(exitCode).toBe(exitCodes.done);
  expect(terminal.out()).toMatch(/^acme +Running /m);
});

test('a holder that has no status is named', async () => {
  const error = await rejectionOf(status(await heldStore({ command: 'ccloud-audit backfill' })));
  expect(error).toMatchObject({ kind: 'held', code: 'store_held' });
  expect(error.message).toContain('(ccloud-audit backfill)');
});

test('a holder that fails to tell is quoted', async () => {
  const url = await heldStore({
    command: 'ccloud-audit run',
    status: () => Promise.reject(new Error('The store is not open yet.')),
  });
  const error = await rejectionOf(status(url));
  expect(error).toMatchObject({ kind: 'held' });
  expect(error.message).toMatch(/can't tell its status: The store is not open yet\.$/);
});

test('looking for an embedded store makes none', async () => {
  const url = `pglite:${path.join(await directory(), 'nothing')}`;
  expect(await rejectionOf(status(url))).toBeInstanceOf(Error);
  expect(await rejectionOf(status(url))).toBeInstanceOf(Error);
});

async function status(
  storeUrl: string,
  options: { readonly output?: OutputFormat; readonly more?: string } = {},
): Promise<{ readonly terminal: FakeTerminal; readonly exitCode: number }> {
  const configPath = path.join(await directory(), 'config.yaml');
  const lines = [`store: { url: ${JSON.stringify(storeUrl)} }`, options.more ?? 'sinks: []'];
  await writeFile(configPath, lines.join('\n'));
  const terminal = fakeTerminal({ configPath, output: options.output ?? 'table' });
  return { terminal, exitCode: await run(terminal.context) };
}

/** The URL of an embedded store that this process holds, as another would. */
async function heldStore(holder: Holder): Promise<string> {
  const place = await directory();
  const lock = await acquireDirectoryLock(place, holder);
  onTestFinished(() => lock.release());
  return `pglite:${place}`;
}

async function directory(): Promise<string> {
  const place = await mkdtemp(path.join(tmpdir(), 'status-'));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  return place;
}
