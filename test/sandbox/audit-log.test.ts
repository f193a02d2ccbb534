import { afterEach, describe, expect, it } from 'vitest';
import { auditActions } from '../../src/sandbox/audit-actions.ts';
import {
  startSandbox,
  type NewEntry,
  type Sandbox,
  type SandboxOptions,
  type TruthEntry,
} from '../../src/sandbox/index.ts';
import { formatTimestamp, nanos, parseTimestamp } from '../../src/time.ts';
import { call, page, walk } from './sandbox-client.ts';

const now = (): number => Date.UTC(2026, 5, 1);
let running: Sandbox[] = [];

async function start(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ now, ...options });
  running.push(sandbox);
  return sandbox;
}

afterEach(async () => {
  await Promise.all(running.map((sandbox) => sandbox.close()));
  running = [];
});

function idsOf(sandbox: Sandbox): readonly string[] {
  return sandbox.truth().map(({ id }: TruthEntry) => id);
}

function textOf(sandbox: Sandbox): string {
  return sandbox
    .truth()
    .map(({ raw }) => raw.toString())
    .join('\n');
}

describe('the audit log in ascending order', () => {
  it('gives every entry once, in order, whatever the limit', async () => {
    const sandbox = await start({ entries: 600 });
    for (const limit of [7, 100, 1_000]) {
      const pages = await walk(sandbox, { limit });
      expect(pages.flatMap(({ ids }) => ids)).toEqual(idsOf(sandbox));
    }
  });

  it('gives about 200 entries from the beginning when asked for nothing in particular', async () => {
    const sandbox = await start();
    const { ids } = await page(sandbox);
    expect(ids.length).toBeGreaterThanOrEqual(200);
    expect(ids.length).toBeLessThan(215);
    expect(ids).toEqual(idsOf(sandbox).slice(0, ids.length));
  });

  it('never parts the entries of one timestamp, even beyond the limit', async () => {
    const sandbox = await start({ entries: 4_000, traps: ['big-ties'] });
    const pages = await walk(sandbox, { limit: 100 });
    expect(pages.flatMap(({ ids }) => ids)).toEqual(idsOf(sandbox));
    expect(Math.max(...pages.map(({ ids }) => ids.length))).toBeGreaterThanOrEqual(1_200);
    for (const { entries } of pages.slice(0, -1)) {
      const last = entries.at(-1)?.['created_at'];
      const same = sandbox.truth().filter(({ createdAt }) => createdAt === parseTimestamp(String(last)));
      expect(entries.filter((entry) => entry['created_at'] === last)).toHaveLength(same.length);
    }
  });

  it('names the last entry’s time as the next position, and echoes the request at the end', async () => {
    const sandbox = await start({ entries: 50 });
    const first = await page(sandbox, { limit: 10 });
    expect(first.next).toBe(first.entries.at(-1)?.['created_at']);
    const last = (await walk(sandbox)).at(-1);
    expect(last?.ids).toEqual([]);
    expect(last?.next).toBe((await page(sandbox, { limit: 50 })).next);
    const later = '2026-06-01T02:00:00.5+02:00';
    expect((await page(sandbox, { starting_from: later })).next).toBe(later);
  });

  it('cuts a limit to the largest page', async () => {
    const sandbox = await start({ entries: 300, pageLimitMax: 50 });
    expect((await page(sandbox, { limit: 10_000 })).ids.length).toBeLessThan(65);
  });
});

describe('the audit log in descending order', () => {
  it('gives every entry once and ends without a next position', async () => {
    const sandbox = await start({ entries: 600 });
    const pages = await walk(sandbox, { limit: 70, sort_order: 'DESC' });
    expect(pages.flatMap(({ ids }) => ids)).toEqual(idsOf(sandbox).toReversed());
    expect(pages.at(-1)?.next).toBeUndefined();
    expect(pages.at(-1)?.ids).not.toEqual([]);
  });

  it('starts before the position it is given', async () => {
    const sandbox = await start({ entries: 100 });
    const entry = sandbox.truth()[40];
    const { entries } = await page(sandbox, {
      sort_order: 'DESC',
      starting_from: formatTimestamp(nanos(entry?.createdAt ?? 0n)),
    });
    expect(
      entries.every(({ created_at: time }) => String(time) < formatTimestamp(nanos(entry?.createdAt ?? 0n))),
    ).toBe(true);
  });
});

describe('what the audit log refuses', () => {
  it.each([
    'starting_from=yesterday',
    'starting_from=2026-01-01T00:00:00+02:00',
    'sort_order=UP',
    'limit=-1',
    'limit=ten',
  ])('answers 400 with a status body to %s', async (query) => {
    // A plus sign that is not encoded is a blank, so the offset is lost.
    const sandbox = await start({ entries: 5 });
    const { status, json } = await call(sandbox, `auditlogevents?${query}`);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 3, details: [] });
  });

  it('accepts camelCase names and encoded offsets', async () => {
    const sandbox = await start({ entries: 50 });
    const query = new URLSearchParams({
      startingFrom: '2026-06-01T02:00:00+02:00',
      sortOrder: 'DESC',
      limit: '5',
    });
    const { json } = await call(sandbox, `auditlogevents?${query.toString()}`);
    expect((json['entries'] as unknown[]).length).toBeGreaterThanOrEqual(5);
  });
});

describe('the seeded history', () => {
  it('is the same bytes for the same seed and others for another', async () => {
    const [one, two, other] = await Promise.all([start({ seed: 7 }), start({ seed: 7 }), start({ seed: 8 })]);
    expect(textOf(one)).toBe(textOf(two));
    expect(textOf(one)).not.toBe(textOf(other));
    expect(one.organization).toEqual(two.organization);
  });

  it('sends the same bytes of an entry in every page, order and cache state', async () => {
    const sandbox = await start({ entries: 800 });
    const cached = await start({ entries: 800, prebuild: true });
    const up = (await walk(sandbox, { limit: 90 })).map(({ text }) => text).join('');
    const down = (await walk(cached, { limit: 50, sort_order: 'DESC' })).map(({ text }) => text).join('');
    for (const { raw } of sandbox.truth()) {
      expect(up).toContain(raw.toString());
      expect(down).toContain(raw.toString());
    }
  });

  it('has unique ids, every known action, unknown ones, and times that never go back', async () => {
    const truth = (await start()).truth();
    const entries = truth.map(({ raw }) => JSON.parse(raw.toString()) as Record<string, unknown>);
    expect(new Set(truth.map(({ id }) => id)).size).toBe(1_000);
    const actions = new Set(entries.map(({ action }) => action));
    expect(auditActions.every((action) => actions.has(action))).toBe(true);
    expect(actions.size).toBeGreaterThan(auditActions.length);
    expect(
      truth.every(({ createdAt }, index) => index === 0 || createdAt >= (truth[index - 1]?.createdAt ?? 0n)),
    ).toBe(true);
    expect(new Set(truth.map(({ createdAt }) => createdAt)).size).toBeLessThan(1_000);
    const digits = new Set(
      entries.map(({ created_at: time }) => /\.(\d+)Z$/.exec(String(time))?.[1]?.length ?? 0),
    );
    expect(digits).toEqual(new Set([0, 3, 6]));
    expect(
      entries.every(
        (entry, index) => parseTimestamp(String(entry['created_at'])) === truth[index]?.createdAt,
      ),
    ).toBe(true);
  });

  it.each([
    ['numbers beyond doubles', '1e400'],
    ['more digits than a double holds', '123456789012345678901234567890'],
    ['a zero character', String.raw`a\\u0000b`],
    ['lone surrogates', String.raw`\\ud83d and \\uDE00`],
    ['escaped slashes', String.raw`a\\/b`],
    ['terminal escapes', String.raw`\\u001b[31m`],
    ['keys that occur twice', String.raw`\"twice\":1,\"twice\":2`],
    ['right-to-left text', 'שלום'],
    ['null metadata', '"metadata":null'],
    ['a payload that is no JSON', '"payload":"plain words, not JSON"'],
    ['an empty payload string', '"payload":""'],
    ['an object payload', '"payload":{'],
    ['a string payload with blanks', String.raw`"payload":"{\"request\": {`],
    ['a system actor', 'SYSTEM_ACTOR_NAME_SYSTEM'],
    ['an unknown field', '"risk_score":0.10000000000000000000001'],
    ['redacted secrets', '[REDACTED]'],
  ])('holds %s', async (_what, piece) => {
    const sandbox = await start({ traps: [] });
    const text = sandbox
      .truth()
      .map(({ raw }) => raw.toString())
      .join('\n');
    // Oddities are sent as strings in one entry and as objects in another.
    expect(
      [piece, piece.replaceAll('\\\\', '\\').replaceAll('\\"', '"')].some((form) => text.includes(form)),
    ).toBe(true);
  });

  it('fills entries up to the size asked for', async () => {
    const sandbox = await start({ entries: 50, entryBytes: 2_000 });
    const sizes = sandbox.truth().map(({ raw }) => raw.length);
    expect(sizes.filter((size) => Math.abs(size - 2_000) < 20).length).toBeGreaterThan(40);
  });

  it('serves a part of a million entries without writing the rest', async () => {
    const sandbox = await start({ entries: 1_000_000 });
    const { ids, next } = await page(sandbox, { limit: 100, starting_from: '2026-01-01T00:00:00Z' });
    expect(ids.length).toBeGreaterThanOrEqual(100);
    expect(next?.startsWith('2026-01-01')).toBe(true);
  });
});

describe('entries added while it runs', () => {
  it('are served from then on, late ones at their own time', async () => {
    const sandbox = await start({ entries: 100 });
    const tail = (await walk(sandbox)).at(-1)?.next ?? '';
    const [fresh] = sandbox.append([{}]);
    expect((await page(sandbox, { starting_from: tail })).ids).toEqual([fresh?.id]);
    const middle = sandbox.truth()[50];
    const [late] = sandbox.append([{ createdAt: middle?.createdAt ?? 0n, fields: { action: 'LATE' } }]);
    expect(late?.late).toBe(true);
    const pages = await walk(sandbox, { limit: 9 });
    expect(pages.flatMap(({ ids }) => ids)).toEqual(idsOf(sandbox));
    expect(idsOf(sandbox)).toContain(late?.id);
    const raw = '{"created_at":"2026-06-01T00:00:09Z","id":"mine","n":1e999}';
    const mine: NewEntry = { raw };
    sandbox.append([mine]);
    expect((await page(sandbox, { starting_from: '2026-06-01T00:00:08Z' })).text).toContain(raw);
  });

  it('can be changed under their id, seeded ones too', async () => {
    const sandbox = await start({ entries: 100 });
    const id = sandbox.truth()[70]?.id ?? '';
    sandbox.change(id, (raw) => raw.replace(/"action":"[^"]+"/, '"action":"CHANGED"'));
    const { entries } = await page(sandbox);
    expect(entries.find((entry) => entry['id'] === id)).toMatchObject({ action: 'CHANGED' });
    expect(() => sandbox.change('nobody', (raw) => raw)).toThrow('has no entry "nobody"');
  });

  it('grow by themselves with a rate, each later than the one before', async () => {
    const sandbox = await startSandbox({ entries: 10, growPerSecond: 200 });
    running.push(sandbox);
    await expect.poll(() => sandbox.truth().length, { timeout: 10_000 }).toBeGreaterThan(25);
    const times = sandbox.truth().map(({ createdAt }) => createdAt);
    expect(new Set(times.slice(10)).size).toBe(times.length - 10);
  });

  it('grow out of order under the trap for late entries, by ten minutes at most', async () => {
    const sandbox = await startSandbox({ entries: 0, growPerSecond: 400, traps: ['late-entries=0.5'] });
    running.push(sandbox);
    const late = (): readonly TruthEntry[] => sandbox.truth().filter((entry) => entry.late === true);
    await expect.poll(() => late().length, { timeout: 10_000 }).toBeGreaterThan(5);
    const oldest = BigInt(Date.now() - 610_000) * 1_000_000n;
    expect(late().every(({ createdAt }) => createdAt > oldest)).toBe(true);
    expect(late().length).toBeLessThan(sandbox.truth().length);
  });
});
