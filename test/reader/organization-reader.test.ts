import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry, AuditPage, AuditPageRequest, AuditSource } from '../../src/cloud-api/audit-page.ts';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import { beginningOfTime, endOfTime } from '../../src/ledger/coverage.ts';
import type { Lease } from '../../src/ledger/leases.ts';
import { findOrganization, type Organization } from '../../src/ledger/organizations.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { leaveDemand, readCoverage, readStretches } from '../../src/ledger/stretches.ts';
import { silentLogger } from '../../src/logger.ts';
import { createOrganizationReader, type OrganizationReader } from '../../src/reader/organization-reader.ts';
import { silentObserver } from '../../src/reader/reader-observer.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import {
  auditEntry,
  createLogPages,
  entryOfText,
  type LogEntry,
  type LogPagesOptions,
} from '../helpers/log-pages.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createTestLedger, readLease, type TestLedger } from '../helpers/test-ledger.ts';

const signal = new AbortController().signal;
const noon = parseTimestamp('2026-03-01T12:00:00Z') ?? nanos(0n);
const everything = { from: beginningOfTime, to: endOfTime };

let test: TestLedger;
let lease: Lease;

beforeEach(async () => {
  test = await createTestLedger();
  lease = await readLease(test.ledger, test.organization);
});

afterEach(async () => {
  await lease.release();
  await test.close();
});

/** Minutes after noon. */
function minute(count: number): Nanos {
  return nanos(noon + BigInt(Math.round(count * 60_000_000)) * 1000n);
}

/** An API whose log and clock a test moves. */
class Api implements AuditSource {
  readonly log: LogEntry[] = [];
  readonly requests: AuditPageRequest[] = [];
  options: Partial<LogPagesOptions> = {};
  now: Nanos = noon;
  /** In place of the log's answers, while it is set. */
  answer: ((request: AuditPageRequest) => AuditPage) | undefined;

  add(...minutes: readonly number[]): void {
    for (const count of minutes) {
      this.log.push({ id: `entry ${this.log.length} at ${count}`, at: minute(count) });
    }
    this.log.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  async auditLogPage(request: AuditPageRequest): Promise<AuditPage> {
    this.requests.push(request);
    if (this.answer !== undefined) return this.answer(request);
    const pages = createLogPages({ log: this.log, pageSize: 1000, now: () => this.now, ...this.options });
    const { startingFrom, limit, priority } = request;
    return (await pages.read({ startingFrom, limit, priority, signal: request.signal })).page;
  }

  async organization(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {}
}

async function read(
  api: Api,
  late: { entries: number; lateBySeconds: number }[] = [],
): Promise<OrganizationReader> {
  const reader = createOrganizationReader({
    ledger: test.ledger,
    lease,
    organization: test.organization,
    source: api,
    settings: { pageSize: 100, overlapMs: 15 * 60_000, rescanWindowMs: 48 * 3_600_000 },
    observer: { ...silentObserver, late: (_, found) => late.push(found) },
    logger: silentLogger,
  });
  await reader.prepare(signal);
  return reader;
}

async function held(): Promise<string[]> {
  const raws: string[] = [];
  for (;;) {
    const segment = await readSegmentFrom(test.ledger, test.organization.id, raws.length + 1);
    if (segment === undefined) return raws;
    raws.push(...segment.entries.map(({ raw }) => raw.toString()));
  }
}

async function expectHoldsAll(api: Api): Promise<void> {
  const truth = api.log.map((entry) => auditEntry(entry).raw.toString());
  expect((await held()).toSorted()).toEqual(truth.toSorted());
}

async function row(): Promise<Organization> {
  const found = await findOrganization(test.ledger, 'acme');
  if (found === undefined) throw new TypeError('the organization is gone');
  return found;
}

async function journalled(what: string): Promise<object[]> {
  const rows = await test.rows(`SELECT detail FROM ledger.journal WHERE what = '${what}'`);
  return rows.map((line) => JSON.parse(String(Object.values(line)[0])) as object);
}

describe('reading an organization', () => {
  it('parts the past from the tail at first contact and reads both', async () => {
    const api = new Api();
    api.add(-100_000, -60, -20, -14, -1);
    const reader = await read(api);
    await reader.sweepTail(signal);
    expect(await held()).toHaveLength(2);
    await reader.readPast(everything, signal);
    await expectHoldsAll(api);
    expect(await row()).toMatchObject({ boundary: minute(-15) });
    expect(await readCoverage(test.ledger, test.organization.id)).toEqual([
      { from: beginningOfTime, to: minute(-15) },
    ]);
    expect(await journalled('late_entries')).toEqual([]);
  });

  it.each(['last', 'echo', 'now', 'future', 'absent'] as const)(
    'asks once in an idle sweep where the tail answers "%s"',
    async (tail) => {
      const api = new Api();
      api.options = { tail };
      api.add(-14, -10, -9);
      const reader = await read(api);
      await reader.sweepTail(signal);
      api.now = minute(1);
      await reader.sweepTail(signal);
      const before = api.requests.length;
      api.now = minute(2);
      await reader.sweepTail(signal);
      expect(api.requests.length - before).toBe(1);
    },
  );

  it.each(['last', 'echo', 'now', 'future', 'absent'] as const)(
    'brings what comes late within the overlap where the tail answers "%s"',
    async (tail) => {
      const api = new Api();
      api.options = { tail };
      const found: { entries: number; lateBySeconds: number }[] = [];
      const reader = await read(api, found);
      for (let tick = 0; tick < 40; tick += 1) {
        api.now = minute(tick);
        if (tick % 3 === 0) api.add(tick - 0.5);
        if (tick > 15) api.add(tick - 14.9);
        await reader.sweepTail(signal);
      }
      await expectHoldsAll(api);
      expect(found.length).toBeGreaterThan(0);
    },
  );

  it('never lets a server that hides what lies behind its last page stop it for good', async () => {
    const api = new Api();
    api.add(-14, -10);
    const reader = await read(api);
    await reader.sweepTail(signal);
    await reader.sweepTail(signal);
    api.add(-5);
    const shown = api.log.slice(0, 2).map(auditEntry);
    api.answer = ({ startingFrom }): AuditPage => {
      const last = '2026-03-01T11:50:00.000000Z';
      const isBehind = startingFrom === last;
      const entries: AuditEntry[] = isBehind ? api.log.slice(2).map(auditEntry) : shown;
      return { entries, nextStartingFrom: isBehind ? undefined : last, serverDate: api.now, bytes: 0 };
    };
    for (let sweep = 0; sweep < 12; sweep += 1) await reader.sweepTail(signal);
    await expectHoldsAll(api);
  });

  it('finds in a re-scan what came later than the overlap, counts it and says how late it was', async () => {
    const api = new Api();
    api.add(-3000, -500);
    const found: { entries: number; lateBySeconds: number }[] = [];
    const reader = await read(api, found);
    await reader.readPast(everything, signal);
    api.add(5);
    api.now = minute(10);
    await reader.sweepTail(signal);
    api.add(-2000, -499);
    api.now = minute(60);
    await reader.sweepTail(signal);
    expect(found).toEqual([]);
    await reader.rescan(signal);
    await expectHoldsAll(api);
    expect(found.reduce((sum, { entries }) => sum + entries, 0)).toBe(2);
    expect(found[0]?.lateBySeconds).toBe(2060 * 60);
    expect(await journalled('late_entries')).toEqual([{ entries: 2, lateBySeconds: 2060 * 60 }]);
  });

  it('sweeps the tail while a re-scan is under way', async () => {
    const api = new Api();
    const reader = await read(api);
    await reader.readPast(everything, signal);
    const source = api.auditLogPage.bind(api);
    let goOn: (() => void) | undefined;
    const isSlow = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    api.auditLogPage = async (request) => {
      if (request.priority === 'bulk') await isSlow;
      return await source(request);
    };
    const rescan = reader.rescan(signal);
    api.add(1);
    api.now = minute(2);
    await reader.sweepTail(signal);
    await expectHoldsAll(api);
    goOn?.();
    await rescan;
    expect((await row()).rescanStartedAt).toBe(minute(2));
  });

  it('starts a re-scan where the last one began, however long ago that was', async () => {
    const api = new Api();
    const reader = await read(api);
    await reader.readPast(everything, signal);
    api.add(10);
    await reader.sweepTail(signal);
    api.now = minute(10_000);
    api.add(9_999);
    await reader.sweepTail(signal);
    api.add(20);
    await reader.rescan(signal);
    await expectHoldsAll(api);
    expect((await row()).rescanStartedAt).toBe(minute(10_000));
  });

  it('keeps what it demands to its interval', async () => {
    const api = new Api();
    api.add(-500, -400, -300, -200, -100, -1);
    const reader = await read(api);
    await reader.readPast({ from: minute(-400), to: minute(-200) }, signal);
    const ids = async (): Promise<number[]> =>
      (await held()).map((raw) => Number(/at (-?\d+)/.exec(raw)?.[1]));
    expect(await ids()).toEqual([-400, -300]);
    await reader.sweepTail(signal);
    expect(await ids()).toEqual([-400, -300, -1]);
    await reader.readPast(everything, signal);
    await expectHoldsAll(api);
    expect(await readStretches(test.ledger, test.organization.id)).toEqual([]);
  });

  it('reads nothing of the past twice', async () => {
    const api = new Api();
    api.add(-500, -400);
    const reader = await read(api);
    await reader.readPast(everything, signal);
    const before = api.requests.length;
    await reader.readPast(everything, signal);
    expect(api.requests.length).toBe(before);
  });

  it('goes on in the middle of a stretch after a failure', async () => {
    const api = new Api();
    api.add(...Array.from({ length: 500 }, (_, index) => -1000 + index));
    const reader = await read(api);
    const source = api.auditLogPage.bind(api);
    let left = 3;
    api.auditLogPage = async (request) => {
      left -= 1;
      if (left === 0) throw new CloudApiError('gone', { code: 'unreachable', retryable: true });
      return await source(request);
    };
    await rejectionOf(reader.readPast(everything, signal));
    expect(await held()).toHaveLength(200);
    const resumed = api.requests.length;
    await (await read(api)).readPast(everything, signal);
    expect(api.requests[resumed]?.startingFrom).toBeDefined();
    await expectHoldsAll(api);
  });

  it('serves what another process demanded and tells the head', async () => {
    const api = new Api();
    api.add(-500, -400, -1);
    const reader = await read(api);
    await leaveDemand(test.ledger, test.organization.id, everything);
    expect(await reader.serveDemands(signal)).toBe(1);
    await expectHoldsAll(api);
    expect(await test.rows('SELECT head_sequence FROM ledger.demands')).toEqual([{ head_sequence: '3' }]);
    expect(await reader.serveDemands(signal)).toBe(0);
  });

  it('keeps entries without a time or an id once, counts them, and calls none of them late', async () => {
    const api = new Api();
    api.add(-5);
    const odd = [
      '{"id":"no time"}',
      '{"created_at":"2026-03-01T11:55:30Z"}',
      '{"id":"far","created_at":"3000-01-01T00:00:00Z"}',
    ];
    const reader = await read(api);
    api.answer = (): AuditPage => {
      const entries = [...api.log.map(auditEntry), ...odd.map(entryOfText)];
      return { entries, nextStartingFrom: undefined, serverDate: api.now, bytes: 0 };
    };
    await reader.sweepTail(signal);
    api.now = minute(5);
    await reader.sweepTail(signal);
    odd.push('{"id":"no time either"}');
    await reader.sweepTail(signal);
    expect(await held()).toEqual([...api.log.map((entry) => auditEntry(entry).raw.toString()), ...odd]);
    expect(await journalled('entry_without_time')).toEqual([{ entries: 2 }, { entries: 1 }]);
    expect(await journalled('late_entries')).toEqual([]);
  });

  it.each(['key_refused', 'role_missing', 'not_found'] as const)(
    'moves nothing and finishes nothing where the API answers %s',
    async (code) => {
      const api = new Api();
      api.add(-500, -5);
      const reader = await read(api);
      const before = await row();
      api.answer = () => {
        throw new CloudApiError('refused', { code, retryable: false });
      };
      for (const work of [
        () => reader.sweepTail(signal),
        () => reader.readPast(everything, signal),
        () => reader.rescan(signal),
      ]) {
        expect(await rejectionOf(work())).toMatchObject({ code });
      }
      expect(await row()).toEqual(before);
      expect(await readCoverage(test.ledger, test.organization.id)).toEqual([]);
    },
  );

  it('uses the key’s own clock at first contact and pins it', async () => {
    const api = new Api();
    await read(api);
    expect(api.requests).toHaveLength(1);
    expect(api.requests[0]).toMatchObject({ sortOrder: 'DESC', limit: 1 });
    api.now = minute(600);
    await read(api);
    expect(api.requests).toHaveLength(1);
    expect((await row()).boundary).toBe(minute(-15));
  });
});
