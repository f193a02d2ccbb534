import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findDelivery, retireDelivery } from '../../src/ledger/deliveries.ts';
import {
  readStatus,
  statusOptionsOf,
  type ConfiguredSink,
  type OrganizationStatus,
  type SinkStatus,
  type StatusOptions,
} from '../../src/exporter/status.ts';
import {
  abandon,
  addDelivery,
  addOrganization,
  createStatusFixture,
  empty,
  fail,
  park,
  type StatusFixture,
} from './status-fixture.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const archive: ConfiguredSink = {
  name: 'archive',
  type: 's3',
  organizations: undefined,
  rollAgeMs: 30 * minuteMs,
};
let fixture: StatusFixture;
let acme: number;

beforeAll(async () => {
  fixture = await createStatusFixture();
});
beforeEach(async () => {
  await empty(fixture);
  acme = (await addOrganization(fixture.ledger, { name: 'acme', entries: 10 })).id;
});
afterAll(() => fixture.dispose());

test('a sink that holds everything is Running, however long nothing new has come', async () => {
  await deliver('warehouse', 10);
  expect(await sinkOf('warehouse', { afterMs: 500 * hourMs })).toMatchObject({
    name: 'warehouse',
    type: 'postgres',
    destination: 'somewhere/warehouse',
    state: 'Running',
    sentence: 'Holds everything.',
    offset: 10,
    lagEntries: 0,
    lagSeconds: 0,
    parked: 0,
  });
});

test('a sink that is catching up is Running', async () => {
  await deliver('warehouse', 4);
  const sink = await sinkOf('warehouse', { afterMs: 8 * minuteMs });
  expect(sink).toMatchObject({
    state: 'Running',
    sentence: '6 entries behind, the oldest for 8 min: catching up.',
    offset: 4,
    lagEntries: 6,
  });
  expect(sink.lagSeconds).toBeGreaterThanOrEqual(480);
});

test('a sink that takes entries is Running, however old the ones are that it still lacks', async () => {
  await deliver('warehouse', 4);
  await fixture.database.query(`UPDATE ccloud_audit.segments SET appended_at = now() - interval '90 days'`);
  expect(await sinkOf('warehouse', {})).toMatchObject({
    state: 'Running',
    sentence: '6 entries behind, the oldest for 90 days: catching up.',
  });
});

test('a holder that takes nothing for long is Degraded', async () => {
  await deliver('warehouse', 4);
  expect(await sinkOf('warehouse', { afterMs: 20 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: expect.stringMatching(
      /^6 entries behind, the oldest for 20 min: it took nothing for 20 min\.$/,
    ),
  });
});

test('an archive that waits for its object to grow old enough is Running, and not for ever', async () => {
  await deliver('archive', 9, 's3');
  const options = { sinks: [archive] };
  expect(await sinkOf('archive', { options, afterMs: 29 * minuteMs })).toMatchObject({
    state: 'Running',
    sentence: '1 entry behind, the oldest for 29 min: objects are written as they fill.',
  });
  expect(await sinkOf('archive', { options, afterMs: 44 * minuteMs })).toMatchObject({ state: 'Running' });
  expect(await sinkOf('archive', { options, afterMs: 46 * minuteMs })).toMatchObject({ state: 'Degraded' });
});

test('a failing sink is Degraded, a stopped one Failed, with the reason', async () => {
  const lease = await deliver('warehouse', 4);
  const sentence = 'The destination does not answer.';
  await fail(fixture.ledger, lease, { code: 'unreachable', sentence, isStopped: false });
  expect(await sinkOf('warehouse', { afterMs: 2 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: `Failing for 2 min, trying again: ${sentence}`,
    failure: { code: 'unreachable', sentence, isStopped: false },
  });
  await fail(fixture.ledger, lease, { code: 'destination_lost', sentence: 'It is gone.', isStopped: true });
  expect(await sinkOf('warehouse', { afterMs: 2 * minuteMs })).toMatchObject({
    state: 'Failed',
    sentence: 'Stopped 2 min ago: It is gone.',
  });
});

test('a sink whose process died is Degraded while it lacks entries', async () => {
  const lease = await deliver('warehouse', 4);
  await abandon(fixture.ledger, lease, 3 * minuteMs);
  expect(await sinkOf('warehouse', {})).toMatchObject({
    state: 'Degraded',
    sentence: expect.stringContaining(
      `the process ${fixture.ledger.actor} that fed it went silent 3 min ago.`,
    ),
  });
});

test('a sink that nobody feeds is Degraded once it should have been fed', async () => {
  const lease = await deliver('warehouse', 4);
  await lease.release();
  expect(await sinkOf('warehouse', { afterMs: 5 * minuteMs })).toMatchObject({ state: 'Running' });
  expect(await sinkOf('warehouse', { afterMs: 20 * minuteMs })).toMatchObject({
    state: 'Degraded',
    sentence: '6 entries behind, the oldest for 20 min: no process feeds it.',
  });
});

test('parked entries are told and do not change the state', async () => {
  const lease = await deliver('warehouse', 10);
  await park(fixture.ledger, lease, 3);
  expect(await sinkOf('warehouse', {})).toMatchObject({
    state: 'Running',
    sentence: 'Holds everything else. 1 entry is parked, see "ccloud-audit parked list".',
    parked: 1,
  });
});

test('a configured sink without a row is not started yet, and lacks everything', async () => {
  expect(await sinkOf('archive', { options: { sinks: [archive] } })).toMatchObject({
    state: 'Degraded',
    sentence: 'Not started yet.',
    offset: null,
    destination: null,
    lagEntries: 10,
  });
});

test('a stdout sink without a row is no fault: only `run` keeps its place', async () => {
  const console: ConfiguredSink = {
    name: 'console',
    type: 'stdout',
    organizations: undefined,
    rollAgeMs: undefined,
  };
  expect(await sinkOf('console', { options: { sinks: [console] } })).toMatchObject({ state: 'Running' });
});

test('a sink of other organizations is not expected', async () => {
  const options = { sinks: [{ ...archive, organizations: ['beta'] }] };
  expect((await organization({ options })).sinks).toEqual([]);
});

test('a sink gone from the configuration is told while it lacks entries and nobody feeds it', async () => {
  const lease = await deliver('warehouse', 4);
  const options = { sinks: [archive] };
  expect(await sinkOf('warehouse', { options })).toMatchObject({ state: 'Running', isConfigured: false });
  await lease.release();
  const gone = await sinkOf('warehouse', { options });
  expect(gone.state).toBe('Degraded');
  expect(gone.sentence).toContain('"ccloud-audit sink retire warehouse"');
});

test('a retired sink is shown apart and is no fault', async () => {
  const lease = await deliver('warehouse', 4);
  await fail(fixture.ledger, lease, { code: 'x', sentence: 'It failed.', isStopped: true });
  const delivery = await findDelivery(fixture.ledger, acme, 'warehouse');
  if (delivery === undefined) throw new TypeError('the delivery is there');
  await retireDelivery(fixture.ledger, lease, delivery);
  const sinks = [{ ...archive, name: 'warehouse' }];
  const status = await readStatus(fixture.ledger, { sinks });
  expect(status.state).toBe('Running');
  expect(status.organizations[0]?.sinks).toEqual([]);
  expect(status.organizations[0]?.retiredSinks).toMatchObject([{ name: 'warehouse', offset: 4 }]);
});

test('an empty ledger is held by every sink', async () => {
  const { id } = await addOrganization(fixture.ledger, { name: 'empty', entries: 0 });
  await addDelivery(fixture.ledger, { organization: id, sink: 'warehouse', offset: 0 });
  const status = await readStatus(fixture.ledger);
  const sinks = status.organizations.find(({ name }) => name === 'empty')?.sinks;
  expect(sinks).toMatchObject([{ state: 'Running', sentence: 'Nothing to hold yet.' }]);
});

test('the age of the lag is that of the oldest missing entry, found in its segment', async () => {
  await fixture.database.query(`UPDATE ccloud_audit.segments SET appended_at = now() - interval '1 hour'`);
  await deliver('warehouse', 0);
  const sink = await sinkOf('warehouse', {});
  expect(Math.floor(sink.lagSeconds / 60)).toBe(60);
});

test('a configuration without named organizations expects none, and the roll age of its sinks counts', () => {
  const roll = { entries: 1, bytes: 1, ageMs: 5000 };
  const file = {
    name: 'disk',
    type: 'file',
    organizations: undefined,
    from: 'beginning',
    directory: '.',
    roll,
  };
  const options = statusOptionsOf({
    organizations: [],
    sinks: [{ ...file, type: 'file', from: 'beginning' }],
  });
  expect(options).toEqual({
    organizations: undefined,
    sinks: [{ name: 'disk', type: 'file', organizations: undefined, rollAgeMs: 5000 }],
  });
});

function deliver(sink: string, offset: number, type?: string): ReturnType<typeof addDelivery> {
  return addDelivery(fixture.ledger, {
    organization: acme,
    sink,
    offset,
    ...(type === undefined ? {} : { type }),
  });
}

interface Look {
  readonly options?: StatusOptions;
  /** How much later than now it is looked at. */
  readonly afterMs?: number;
}

async function sinkOf(name: string, look: Look): Promise<SinkStatus> {
  const { sinks } = await organization(look);
  const sink = sinks.find((candidate) => candidate.name === name);
  if (sink === undefined) throw new TypeError(`no status of ${name}`);
  return sink;
}

async function organization({ options = {}, afterMs = 0 }: Look): Promise<OrganizationStatus> {
  const { at } = await readStatus(fixture.ledger);
  const status = await readStatus(fixture.ledger, { ...options, nowMs: Date.parse(at) + afterMs });
  const found = status.organizations.find((candidate) => candidate.name === 'acme');
  if (found === undefined) throw new TypeError('no status of acme');
  return found;
}
