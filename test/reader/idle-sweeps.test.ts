import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditPage, AuditPageRequest, AuditSource } from '../../src/cloud-api/audit-page.ts';
import { createAuditSource } from '../../src/cloud-api/audit-source.ts';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import type { Lease } from '../../src/ledger/leases.ts';
import { findOrganization, registerOrganization, type Organization } from '../../src/ledger/organizations.ts';
import { readSegmentFrom } from '../../src/ledger/segments.ts';
import { leaveDemand } from '../../src/ledger/stretches.ts';
import { silentLogger } from '../../src/logger.ts';
import { createOrganizationReader, type OrganizationReader } from '../../src/reader/organization-reader.ts';
import { silentObserver } from '../../src/reader/reader-observer.ts';
import { startSandbox } from '../../src/sandbox/index.ts';
import { formatTimestamp, nanos, nanosFromMs, parseTimestamp, type Nanos } from '../../src/time.ts';
import { auditEntry, createLogPages, type LogEntry, type LogPagesOptions } from '../helpers/log-pages.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createTestLedger, readLease, type TestLedger } from '../helpers/test-ledger.ts';

const signal = new AbortController().signal;
const noon = parseTimestamp('2026-03-01T12:00:00Z') ?? nanos(0n);
const second = 1_000_000_000n;
const minuteMs = 60_000;
const overlapMinutes = 15;

let test: TestLedger;
let place: Place;
let places = 0;

interface Place {
  readonly organization: Organization;
  readonly lease: Lease;
}

beforeAll(async () => {
  test = await createTestLedger();
});

beforeEach(async () => {
  place = await newPlace();
});

afterEach(async () => {
  await place.lease.release();
});

afterAll(async () => {
  await test.close();
});

/** An organization of its own, where nothing was read. */
async function newPlace(): Promise<Place> {
  places += 1;
  const organization = await registerOrganization(test.ledger, {
    name: `acme-${places}`,
    cloudId: undefined,
    label: undefined,
    startFrom: nanos(0n),
  });
  return { organization, lease: await readLease(test.ledger, organization) };
}

/** Seconds after noon, and microseconds behind that. */
function at(seconds: number, microseconds = 0): Nanos {
  return nanos(noon + BigInt(seconds) * second + BigInt(microseconds) * 1000n);
}

async function openReader(source: AuditSource, where: Place = place): Promise<OrganizationReader> {
  const reader = createOrganizationReader({
    ledger: test.ledger,
    ...where,
    source,
    settings: { pageSize: 100, overlapMs: overlapMinutes * minuteMs, rescanWindowMs: 48 * 60 * minuteMs },
    observer: silentObserver,
    logger: silentLogger,
  });
  await reader.prepare(signal);
  return reader;
}

/** An API over a log that a test adds to, with a clock that a test moves. */
class Api implements AuditSource {
  readonly log: LogEntry[] = [];
  readonly asked: (string | undefined)[] = [];
  now: Nanos = noon;
  /** Requests with these numbers fail. */
  fails: (number: number) => boolean = () => false;
  readonly #options: Partial<LogPagesOptions>;

  constructor(options: Partial<LogPagesOptions> = {}) {
    this.#options = options;
  }

  add(...times: readonly Nanos[]): void {
    for (const time of times) this.log.push({ id: `entry ${this.log.length}`, at: time });
    this.log.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  async auditLogPage(request: AuditPageRequest): Promise<AuditPage> {
    const number = this.asked.length;
    this.asked.push(request.startingFrom);
    if (this.fails(number)) throw new CloudApiError('gone', { code: 'unreachable', retryable: true });
    const { isInclusive } = this.#options;
    const pages = createLogPages({
      pageSize: 100,
      ...this.#options,
      log: this.log,
      now: () => this.now,
      ...(isInclusive === undefined ? {} : { isInclusive: () => isInclusive(number) }),
    });
    const { startingFrom, limit, priority } = request;
    return (await pages.read({ startingFrom, limit, priority, signal: request.signal })).page;
  }

  async organization(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {}
}

async function held({ organization }: Place = place): Promise<string[]> {
  const raws: string[] = [];
  for (;;) {
    const segment = await readSegmentFrom(test.ledger, organization.id, raws.length + 1);
    if (segment === undefined) return raws.toSorted();
    raws.push(...segment.entries.map(({ raw }) => raw.toString()));
  }
}

function truth(api: Api): string[] {
  return api.log.map((entry) => auditEntry(entry).raw.toString()).toSorted();
}

async function row(): Promise<Organization> {
  const found = await findOrganization(test.ledger, place.organization.name);
  if (found === undefined) throw new TypeError('the organization is gone');
  return found;
}

/** A minute passes before each; resolves to the requests of each. */
async function sweeps(api: Api, reader: OrganizationReader, count: number): Promise<number[]> {
  const requests: number[] = [];
  for (let sweep = 0; sweep < count; sweep += 1) {
    api.now = nanos(api.now + 60n * second);
    const before = api.asked.length;
    await reader.sweepTail(signal);
    requests.push(api.asked.length - before);
  }
  return requests;
}

/** Its newest entries, in the last ten minutes before its start, are the tail's. */
const history = { entries: 400, historyDays: 2 };

describe('an idle sweep', () => {
  const tails = [
    '',
    'tail-now',
    'tail-last',
    'tail-absent',
    'tail-echo',
    'tail-future',
    'tail-repeats-entries',
  ];
  const others = [
    'exclusive-then-inclusive',
    'seconds-cursor',
    'nanoseconds',
    'offset-timestamps',
    'no-created-at',
    'no-id',
    'entries-null',
    'repeated-ids',
    'clock-skew',
    'clock-ahead',
    'no-date',
  ];
  const sources = [...tails.flatMap((tail) => [[tail], [tail, 'inclusive']]), ...others.map((trap) => [trap])]
    .map((traps) => traps.filter((trap) => trap !== ''))
    .flatMap((traps) =>
      [history, { entries: 0 }].map(
        (log) => [traps.join(', ') || 'no traps', log.entries, { ...log, traps }] as const,
      ),
    );

  it.each(sources)('is one request, each of forty, with %s and a log of %i', async (_, __, options) => {
    let now = Date.now();
    const sandbox = await startSandbox({ ...options, now: () => now });
    const source = createAuditSource({
      url: sandbox.url,
      apiKey: sandbox.apiKey,
      requestsPerSecond: 10_000,
    });
    try {
      const reader = await openReader(source);
      await reader.sweepTail(signal);
      const before = sandbox.counters.requests;
      for (let sweep = 0; sweep < 40; sweep += 1) {
        now += minuteMs;
        await reader.sweepTail(signal);
      }
      expect(sandbox.counters.requests - before).toBe(40);
    } finally {
      await source.close();
      await sandbox.close();
    }
  });

  it('moves no position, and what is told of freshness never goes back', async () => {
    const api = new Api();
    api.add(at(-600), at(-300));
    const reader = await openReader(api);
    await reader.sweepTail(signal);
    const first = await row();
    for (let sweep = 1; sweep <= 20; sweep += 1) {
      await sweeps(api, reader, 1);
      const { tailCheckpoint, tailCoveredTo, newestCreatedAt } = first;
      expect(await row()).toMatchObject({
        tailCheckpoint,
        tailCoveredTo,
        newestCreatedAt,
        serverDate: nanosFromMs(Number((noon + BigInt(sweep) * 60n * second) / 1_000_000n)),
      });
    }
  });

  it('leaves the overlap out when it looks behind the end, so that a late entry comes a sweep later', async () => {
    const api = new Api();
    api.add(at(-600), at(-300));
    const reader = await openReader(api);
    await sweeps(api, reader, 5);
    api.add(at(-400));
    await sweeps(api, reader, 1);
    expect(api.asked.at(-1)).toBe(formatTimestamp(at(-300)));
    expect(await held()).toHaveLength(2);
    await sweeps(api, reader, 1);
    expect(await held()).toEqual(truth(api));
  });
});

describe('what lies behind the end of every page', () => {
  /** Pages that hold as many entries as the overlap does: they end where the tail was caught up, however many follow. */
  const cap = 3;
  /** Within the overlap of an entry at 3,590 s, and before that of one at 3,950 s. */
  const justLate = at(3590 - overlapMinutes * 60 + 5);

  it.each([
    ['left out', false],
    ['included', true],
  ] as const)(
    'is found within ten sweeps wherever it lies, with a position that is %s',
    async (_, isIncluded) => {
      for (const behind of [at(-60, 1), at(-60, 2), at(-59), at(30)]) {
        for (let idle = 0; idle < 10; idle += 1) {
          const own = await newPlace();
          const api = new Api({ limitMax: cap, isInclusive: () => isIncluded });
          api.add(at(-240), at(-120), at(-60));
          const reader = await openReader(api, own);
          await sweeps(api, reader, 1 + idle);
          api.add(behind);
          await sweeps(api, reader, 10);
          expect(await held(own)).toEqual(truth(api));
          await own.lease.release();
        }
      }
    },
    120_000,
  );

  it('is found within ten sweeps behind a group that fills a page of a server that includes the position', async () => {
    const api = new Api({ limitMax: cap, isInclusive: () => true });
    api.add(at(-60), at(-60), at(-60));
    const reader = await openReader(api);
    await sweeps(api, reader, 4);
    api.add(at(-60, 1), at(60));
    await sweeps(api, reader, 10);
    expect(await held()).toEqual(truth(api));
  });

  it('is found within ten sweeps behind times finer than microseconds', async () => {
    const api = new Api({ limitMax: cap, isInclusive: () => true });
    const newest = nanos(at(-60) + 7n);
    api.add(at(-240), at(-120), newest);
    const reader = await openReader(api);
    await sweeps(api, reader, 4);
    api.add(nanos(newest + 1n));
    await sweeps(api, reader, 10);
    expect(await held()).toEqual(truth(api));
  });

  it('moves the position on as it is found, and what came late meanwhile is not lost', async () => {
    const api = new Api({ limitMax: cap });
    const reader = await openReader(api);
    api.now = at(3600);
    api.add(at(3400), at(3500), at(3590));
    await sweeps(api, reader, 5);
    api.add(justLate, at(3950));
    await sweeps(api, reader, 1);
    expect(await held()).toEqual(truth(api));
    expect(await row()).toMatchObject({ tailCheckpoint: formatTimestamp(at(3950)) });
  });

  it('takes no late entry out of reach where the process dies right after it was found', async () => {
    const api = new Api();
    const reader = await openReader(api);
    api.now = at(3600);
    api.add(at(3400), at(3500), at(3590));
    await sweeps(api, reader, 5);
    api.add(justLate, at(3950));
    const looked = api.asked.length;
    api.fails = (number) => number > looked;
    await rejectionOf(sweeps(api, reader, 1));
    expect(await held()).toHaveLength(4);
    api.fails = () => false;
    await sweeps(api, await openReader(api), 1);
    expect(await held()).toEqual(truth(api));
  });
});

it('serves a demand by a sweep of its own, with the overlap, whenever it comes', async () => {
  const api = new Api();
  api.add(at(-600), at(-300));
  const reader = await openReader(api);
  for (let idle = 0; idle < 12; idle += 1) {
    await sweeps(api, reader, 1);
    api.add(at(-400, idle));
    await leaveDemand(test.ledger, place.organization.id, { from: at(-500), to: api.now });
    await reader.serveDemands(signal);
    expect(await held()).toEqual(truth(api));
  }
});

describe('sweeps with long pauses between entries', () => {
  interface Scenario {
    readonly options: Pick<LogPagesOptions, 'tail' | 'isInclusive' | 'limitMax'>;
    /** For each sweep: seconds before its time of what has appeared since the last one. */
    readonly appeared: readonly (readonly number[])[];
    readonly restarts: readonly number[];
  }

  /** Most minutes bring nothing; the rest something new, or something that is late by as much as the overlap allows. */
  const minute = fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.integer({ min: 0, max: overlapMinutes * 60 - 1 }), { maxLength: 3 }),
    },
  );
  const scenarios: fc.Arbitrary<Scenario> = fc.record({
    options: fc
      .record({
        tail: fc.constantFrom('last', 'echo', 'now', 'future', 'absent' as const),
        isInclusive: fc.constantFrom(
          () => false,
          () => true,
          (request: number) => request >= 25,
        ),
        limitMax: fc.constantFrom(2, 3, 5, 100),
      })
      // Without a position at the end of a page that is short for no reason there is nothing to tell that more follows.
      .map((options) => (options.tail === 'absent' ? { ...options, limitMax: 100 } : options)),
    appeared: fc.array(minute, { minLength: 30, maxLength: 60 }),
    restarts: fc.array(fc.integer({ min: 5, max: 60 }), { maxLength: 2 }),
  });

  it('lose nothing, whatever comes late or hides behind short pages, and ten later everything is held', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async ({ options, appeared, restarts }) => {
        const own = await newPlace();
        const api = new Api(options);
        let reader = await openReader(api, own);
        for (const [index, before] of appeared.entries()) {
          api.now = nanos(api.now + 60n * second);
          api.add(...before.map((seconds) => nanos(api.now - BigInt(seconds) * second)));
          if (restarts.includes(index)) reader = await openReader(api, own);
          await reader.sweepTail(signal);
        }
        await sweeps(api, reader, 10);
        expect(await held(own)).toEqual(truth(api));
        await own.lease.release();
      }),
      { numRuns: 25 },
    );
  }, 300_000);
});
