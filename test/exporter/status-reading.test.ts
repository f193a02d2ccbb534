import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readStatus, type OrganizationStatus, type StatusOptions } from '../../src/exporter/status.ts';
import { beginningOfTime } from '../../src/ledger/coverage.ts';
import { writeJournal } from '../../src/ledger/journal.ts';
import { registerOrganization } from '../../src/ledger/organizations.ts';
import { nanos, type Nanos } from '../../src/time.ts';
import {
  abandon,
  addOrganization,
  createStatusFixture,
  empty,
  fail,
  time,
  type StatusFixture,
} from './status-fixture.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
let fixture: StatusFixture;

beforeAll(async () => {
  fixture = await createStatusFixture();
});
beforeEach(() => empty(fixture));
afterAll(() => fixture.dispose());

test('an organization that was read a moment ago is Running and caught up', async () => {
  await addOrganization(fixture.ledger, { name: 'acme', entries: 3 });
  const acme = await statusOf('acme', { afterMs: 12_000 });
  expect(acme).toMatchObject({
    name: 'acme',
    id: 'id-of-acme',
    label: 'Acme Inc.',
    state: 'Running',
    sentence: expect.stringMatching(/^Caught up 1\d s ago\.$/),
    checkpoint: '2026-01-01T00:00:00.5Z',
    newestEntryAt: '2026-01-01T00:00:00.002000Z',
    head: 3,
    stretches: [],
    failure: null,
    lease: { holder: fixture.ledger.actor },
  });
});

test('a rarely asked API tells how old "caught up" is, whatever else touches the row', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  const asked = BigInt((await databaseNowMs()) - 40 * minuteMs) * 1_000_000n;
  await setOrganization(id, 'server_date', asked);
  expect(await statusOf('acme')).toMatchObject({ state: 'Running', sentence: 'Caught up 40 min ago.' });
});

test('a sweep that is far behind tells where it is', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await setOrganization(id, 'tail_checkpoint', '2026-01-01T02:00:00Z');
  await setOrganization(id, 'server_date', time('2026-01-01T05:00:00Z'));
  expect(await statusOf('acme')).toMatchObject({
    state: 'Running',
    sentence: 'Reading the tail: at 2026-01-01T02:00:00Z, 3 h behind.',
  });
});

test('reading the past tells the day it is at and the part of the time that is done', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await addStretch(id, {
    from: time('2024-01-01T00:00:00Z'),
    to: time('2024-01-11T00:00:00Z'),
    checkpoint: '2024-01-04T00:00:00Z',
  });
  expect(await statusOf('acme')).toMatchObject({
    state: 'Running',
    sentence: 'Reading the past: at 2024-01-04, 30 % of the time.',
    stretches: [
      {
        from: '2024-01-01T00:00:00.000000Z',
        to: '2024-01-11T00:00:00.000000Z',
        checkpoint: '2024-01-04T00:00:00Z',
      },
    ],
  });
});

test('a past without a known beginning is measured from the oldest entry there is', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await addStretch(id, {
    from: beginningOfTime,
    to: time('2026-01-03T00:00:00Z'),
    checkpoint: '2026-01-02T00:00:00Z',
  });
  expect(await statusOf('acme')).toMatchObject({
    sentence: 'Reading the past: at 2026-01-02, 50 % of the time.',
    stretches: [{ from: null }],
  });
});

test('a past of which no page has come yet has just begun', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'acme', entries: 0 });
  await addStretch(id, { from: beginningOfTime, to: time('2026-01-03T00:00:00Z'), checkpoint: null });
  expect(await statusOf('acme')).toMatchObject({ sentence: 'Reading the past: it has just begun.' });
});

test('a refused key makes it Degraded, with since when and what to do', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  const sentence = 'The Cloud API refused the key (401 on GET /api/v1/auditlogevents). Put a valid one';
  await fail(fixture.ledger, lease, { code: 'key_refused', sentence, isStopped: false });
  expect(await statusOf('acme', { afterMs: 3 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: `Failing for 3 min, trying again: ${sentence}.`,
    failure: { code: 'key_refused', isStopped: false },
  });
});

test('what only an operator can mend is Failed', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await fail(fixture.ledger, lease, { code: 'store_altered', sentence: 'It was altered.', isStopped: true });
  expect(await statusOf('acme', { afterMs: hourMs })).toMatchObject({
    state: 'Failed',
    sentence: 'Stopped 1 h ago: It was altered.',
  });
});

test('secrets in a noted failure are cut out', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  const sentence = 'It answered Bearer CCDB1_abcdefghijkl_0123456789abcdef0123456789';
  await fail(fixture.ledger, lease, { code: 'odd', sentence, isStopped: false });
  expect(JSON.stringify(await statusOf('acme'))).not.toContain('0123456789abcdef');
});

test('a holder that reports nothing for long is Degraded', async () => {
  await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  const before = await statusOf('acme', { afterMs: 14 * minuteMs });
  expect(before).toMatchObject({ state: 'Running', sentence: 'Caught up 14 min ago.' });
  expect(await statusOf('acme', { afterMs: 20 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: `No success for 20 min: the process ${fixture.ledger.actor} holds the work and reports nothing.`,
  });
});

test('a process that died is told once another had time to take over', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await abandon(fixture.ledger, lease, 30_000);
  expect(await statusOf('acme')).toMatchObject({ state: 'Running' });
  await abandon(fixture.ledger, lease, 3 * minuteMs);
  expect(await statusOf('acme')).toMatchObject({
    state: 'Degraded',
    sentence: expect.stringContaining(
      `The process ${fixture.ledger.actor} that read it went silent 3 min ago and no other has taken over; last`,
    ),
  });
});

test('between two one-shots of a day nothing is wrong, and it says that no process reads it', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await lease.release();
  expect(await statusOf('acme', { afterMs: 3 * hourMs })).toMatchObject({
    state: 'Running',
    sentence: 'No process reads it; last caught up 3 h ago.',
  });
  expect(await statusOf('acme', { afterMs: 27 * hourMs })).toMatchObject({ state: 'Degraded' });
});

test('a daemon that was stopped is missed soon', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await lease.release();
  await writeJournal(fixture.ledger, { what: 'stopped', detail: { command: 'run' } });
  expect(await statusOf('acme', { afterMs: 10 * minuteMs })).toMatchObject({ state: 'Running' });
  expect(await statusOf('acme', { afterMs: 20 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: 'No process reads it; `run` was stopped 20 min ago; last caught up 20 min ago.',
  });
});

test('a past that was left half read is told', async () => {
  const { id, lease } = await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  await lease.release();
  await addStretch(id, {
    from: time('2024-01-01T00:00:00Z'),
    to: time('2024-01-11T00:00:00Z'),
    checkpoint: '2024-01-02T00:00:00Z',
  });
  expect(await statusOf('acme', { afterMs: hourMs })).toMatchObject({
    state: 'Degraded',
    sentence:
      'No process reads it; last read 1 h ago. The past is read in part: at 2024-01-02, 10 % of the time.',
  });
});

test('an organization that is known and was never read is Degraded once it should have been', async () => {
  await registerOrganization(fixture.ledger, {
    name: 'acme',
    cloudId: undefined,
    label: undefined,
    startFrom: nanos(0n),
  });
  expect(await statusOf('acme', { afterMs: minuteMs })).toMatchObject({ state: 'Running', id: null });
  expect(await statusOf('acme', { afterMs: 5 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: 'Not read yet, and no process reads it.',
  });
});

test('a configured organization without a row is not started yet', async () => {
  expect(await statusOf('acme', { options: { organizations: ['acme'] } })).toMatchObject({
    state: 'Degraded',
    sentence: 'Not started yet.',
    head: 0,
  });
});

test('an organization that the configuration no longer has is shown and counts for nothing', async () => {
  const { lease } = await addOrganization(fixture.ledger, { name: 'old', entries: 1 });
  await lease.release();
  const options = { organizations: ['acme'] };
  const old = await statusOf('old', { options, afterMs: 100 * hourMs });
  expect(old).toMatchObject({
    isConfigured: false,
    state: 'Running',
    sentence: 'Not in this configuration; last caught up 4 days ago.',
  });
});

test('a store without organizations is not Running', async () => {
  expect(await readStatus(fixture.ledger)).toMatchObject({
    state: 'Degraded',
    organizations: [],
    ledgerId: fixture.ledger.ledgerId,
  });
});

test('the whole is as bad as its worst part', async () => {
  await addOrganization(fixture.ledger, { name: 'acme', entries: 1 });
  expect(await readStatus(fixture.ledger)).toMatchObject({ state: 'Running' });
  const { lease } = await addOrganization(fixture.ledger, { name: 'beta', entries: 1 });
  await fail(fixture.ledger, lease, { code: 'x', sentence: 'It failed.', isStopped: false });
  const status = await readStatus(fixture.ledger);
  expect(status.state).toBe('Degraded');
  expect(status.organizations.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'acme Running',
    'beta Degraded',
  ]);
});

async function statusOf(
  name: string,
  { afterMs, options = {} }: { readonly afterMs?: number; readonly options?: StatusOptions } = {},
): Promise<OrganizationStatus> {
  const nowMs = afterMs === undefined ? undefined : (await databaseNowMs()) + afterMs;
  const status = await readStatus(fixture.ledger, { ...options, nowMs });
  const organization = status.organizations.find((candidate) => candidate.name === name);
  if (organization === undefined) throw new TypeError(`no status of ${name}`);
  return organization;
}

async function databaseNowMs(): Promise<number> {
  const { rows } = await fixture.database.query<{ ms: string }>(
    'SELECT CAST(floor(extract(epoch FROM now()) * 1000) AS int8) AS ms',
  );
  return Number(rows[0]?.ms);
}

async function setOrganization(id: number, column: string, value: string | bigint): Promise<void> {
  const sql = `UPDATE ccloud_audit.organizations SET ${column} = $2 WHERE id = $1`;
  await fixture.database.query(sql, [id, value]);
}

async function addStretch(
  organization: number,
  stretch: { readonly from: Nanos; readonly to: Nanos; readonly checkpoint: string | null },
): Promise<void> {
  const sql = `INSERT INTO ccloud_audit.stretches (organization, from_time, to_time, checkpoint)
    VALUES ($1, $2, $3, $4)`;
  await fixture.database.query(sql, [organization, stretch.from, stretch.to, stretch.checkpoint]);
}
