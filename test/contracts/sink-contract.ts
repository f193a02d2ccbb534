/**
 * What every sink must do, whatever its destination: one suite, run for each implementation.
 *
 * A harness makes a sink on a destination of its own and reads that destination back by a route that does not go through
 * the sink. The suite feeds the sink as a delivery does: attach, then batches in sequence order, each acknowledged with
 * what `write` returned.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAbort, toError } from '../../src/errors.ts';
import { redactSecrets } from '../../src/redact.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import type { HeldDifference, HeldEntry, Sink, SinkEntry } from '../../sinks/sink.ts';
import { exoticEntries } from '../helpers/exotic-entries.ts';
import { alteredEntry, heldEntry, plainEntries } from '../helpers/sink-entries.ts';

export interface ReadBackEntry {
  /** Left out where the destination does not keep it. */
  readonly sequence?: number;
  readonly raw: string;
}

export interface SinkSetup {
  /** Not opened yet. */
  readonly sink: Sink;
  /** Another sink on the same destination, as after a restart. Not opened yet. */
  restart(): Promise<Sink>;
  /** What the destination holds for an organization, in the destination's order, read without the sink. */
  readBack(organization: string): Promise<ReadBackEntry[]>;
  /** Makes the destination unreachable; present when the harness says `canBreak`. */
  breakIt?(): Promise<void>;
  /** Ends what `breakIt` did. */
  repairIt?(): Promise<void>;
  /** Removes everything the destination holds, behind the sink's back; present when the harness says `canLose`. */
  loseIt?(): Promise<void>;
  /** Words that must never be in an error: passwords, secret keys. */
  readonly secrets?: readonly string[];
  dispose(): Promise<void>;
}

export interface SinkHarness {
  create(): Promise<SinkSetup>;
  /** Whether the destination can be made unreachable and reachable again. */
  readonly canBreak?: boolean;
  /** Whether the destination can lose what it held. False for streams, which can't be looked at. */
  readonly canLose?: boolean;
}

const ledgerId = '5f0c0f6e-8f6b-4b7e-9a55-3d2b6c1a7e10';

/** A sink with the memory that a delivery keeps for it: the last acknowledged entry and the confirmed objects. */
class Feed {
  readonly sink: Sink;
  readonly organization: string;
  readonly objects: Set<string>;
  last: HeldEntry | undefined;

  constructor(sink: Sink, options: { organization?: string; before?: Feed } = {}) {
    this.sink = sink;
    this.organization = options.organization ?? options.before?.organization ?? 'acme';
    this.objects = new Set(options.before?.objects);
    this.last = options.before?.last;
  }

  async attach(signal = never()): Promise<void> {
    const { organization, last, objects } = this;
    const isKnownObject = (key: string): boolean => objects.has(key);
    const attachment = {
      organization,
      organizationId: `id-of-${organization}`,
      ledgerId,
      last,
      isKnownObject,
    };
    await this.sink.attach(attachment, { signal });
  }

  /** Writes without acknowledging, as a process does that dies before its commit. */
  async write(entries: readonly SinkEntry[], signal = never()): Promise<HeldEntry> {
    const receipt = await this.sink.write({ organization: this.organization, entries }, { signal });
    if (receipt !== undefined) this.objects.add(receipt.key);
    const newest = entries.at(-1);
    if (newest === undefined) throw new Error('a batch holds at least one entry');
    return heldEntry(newest, receipt?.key);
  }

  async deliver(entries: readonly SinkEntry[]): Promise<HeldEntry> {
    this.last = await this.write(entries);
    return this.last;
  }
}

export function describeSinkContract(name: string, harness: SinkHarness): void {
  describe(`the sink contract: ${name}`, () => {
    let setup: SinkSetup;
    let opened: Sink[];

    const open = async (sink: Sink): Promise<Sink> => {
      opened.push(sink);
      await sink.open({ signal: never() });
      return sink;
    };
    const start = async (organization?: string): Promise<Feed> => {
      const feed = new Feed(await open(setup.sink), organization === undefined ? {} : { organization });
      await feed.attach();
      return feed;
    };

    beforeEach(async () => {
      opened = [];
      setup = await harness.create();
    });

    afterEach(async () => {
      for (const sink of opened) await sink.close();
      await setup.dispose();
    });

    test('says who it is before it is opened, without a secret', () => {
      expect(setup.sink.name).not.toBe('');
      expect(setup.sink.type).toMatch(/^[a-z][a-z0-9]*$/);
      expect(setup.sink.fingerprint).not.toBe('');
      expectNoSecret(setup.sink.fingerprint, setup);
    });

    test('has the same fingerprint after a restart', async () => {
      const before = setup.sink.fingerprint;
      await open(setup.sink);
      const second = await setup.restart();
      opened.push(second);
      expect(setup.sink.fingerprint).toBe(before);
      expect(second.fingerprint).toBe(before);
    });

    test('opens a destination that was opened before, and two sinks at once', async () => {
      const second = await setup.restart();
      await Promise.all([open(setup.sink), open(second)]);
      const feed = new Feed(second);
      await feed.attach();
      await feed.deliver(plainEntries(1, 2));
      expect(await sequences(setup, 'acme')).toEqual([1, 2]);
    });

    test('holds a batch durably, whole and in order when write resolves', async () => {
      const feed = await start();
      const entries = plainEntries(1, 25);
      await feed.deliver(entries);
      expect(await rawTexts(setup, 'acme')).toEqual(entries.map((entry) => entry.raw.toString()));
      expect(await sequences(setup, 'acme')).toEqual(entries.map((entry) => entry.sequence));
    });

    test('keeps the order over several batches', async () => {
      const feed = await start();
      for (const first of [1, 4, 7]) await feed.deliver(plainEntries(first, 3));
      expect(await sequences(setup, 'acme')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    test('starts at any sequence, and goes on after a hole that a parked entry left', async () => {
      const feed = await start();
      await feed.deliver(plainEntries(3, 2));
      // Sinks with objects never park, so their batches have no holes.
      const second = feed.sink.capabilities.roll === undefined ? 7 : 5;
      await feed.deliver(plainEntries(second, 2));
      expect(await sequences(setup, 'acme')).toEqual([3, 4, second, second + 1]);
    });

    test('keeps every exotic entry byte for byte', async () => {
      const feed = await start();
      const entries = exoticEntries();
      await feed.deliver(entries);
      expect(await alteredIds(setup, entries)).toEqual([]);
    });

    test('keeps each exotic entry when it comes alone', async () => {
      const feed = await start();
      for (const entry of exoticEntries()) await feed.deliver([entry]);
      expect(await alteredIds(setup, exoticEntries())).toEqual([]);
    });

    test('does not touch the batch it is given', async () => {
      const feed = await start();
      const entries = exoticEntries();
      await feed.deliver(entries);
      const untouched = exoticEntries();
      expect(entries.every((entry, index) => entry.raw.equals(untouched[index]?.raw ?? Buffer.of()))).toBe(
        true,
      );
    });

    test('keeps organizations apart that have the same ids and sequences', async () => {
      const acme = await start('acme');
      const other = new Feed(acme.sink, { organization: 'umbrella' });
      await other.attach();
      await acme.deliver(plainEntries(1, 3));
      const [first, ...rest] = plainEntries(1, 3);
      if (first === undefined) throw new Error('three entries were made');
      await other.deliver([alteredEntry(first), ...rest]);
      expect(await rawTexts(setup, 'acme')).toEqual(plainEntries(1, 3).map((entry) => entry.raw.toString()));
      expect(await rawTexts(setup, 'umbrella')).toEqual(
        [alteredEntry(first), ...rest].map((entry) => entry.raw.toString()),
      );
    });

    test('absorbs a batch that is written again, or shows the whole of it again', async () => {
      const feed = await start();
      await feed.deliver(plainEntries(1, 5));
      await feed.deliver(plainEntries(1, 5));
      const once = [1, 2, 3, 4, 5];
      const visible = feed.sink.capabilities.repeats === 'visible';
      expect(await sequences(setup, 'acme')).toEqual(visible ? [...once, ...once] : once);
    });

    test('absorbs exotic entries that are written again', async () => {
      const feed = await start();
      await feed.deliver(exoticEntries());
      await feed.deliver(exoticEntries());
      const count = exoticEntries().length;
      const visible = feed.sink.capabilities.repeats === 'visible';
      expect(await setup.readBack('acme')).toHaveLength(visible ? 2 * count : count);
    });

    test('goes on after a process died between write and commit', async () => {
      const before = await start();
      await before.deliver(plainEntries(1, 4));
      await before.write(plainEntries(5, 4));
      await before.sink.close();
      const after = new Feed(await open(await setup.restart()), { before });
      await after.attach();
      // Whoever has no planned objects may be given another cut of the same range.
      await after.deliver(plainEntries(5, after.sink.capabilities.roll === undefined ? 7 : 4));
      const last = after.sink.capabilities.roll === undefined ? 12 : 9;
      await after.deliver(plainEntries(last, 1));
      expect(await sequences(setup, 'acme')).toSatisfy((held: number[]) => isWhole(held, last, after.sink));
    });

    test('attaches again and again while it holds what it acknowledged', async () => {
      const feed = await start();
      await feed.deliver(plainEntries(1, 3));
      await feed.attach();
      await feed.deliver(plainEntries(4, 3));
      const restarted = new Feed(await open(await setup.restart()), { before: feed });
      await restarted.attach();
      await restarted.deliver(plainEntries(7, 1));
      expect(await sequences(setup, 'acme')).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

    test('rejects with the abort and writes nothing when the signal was aborted before', async () => {
      const feed = await start();
      const error = await rejection(feed.write(plainEntries(1, 3), AbortSignal.abort()));
      expect(error).toSatisfy(isAbort);
      expect(await setup.readBack('acme')).toEqual([]);
      await feed.deliver(plainEntries(1, 3));
      expect(await sequences(setup, 'acme')).toEqual([1, 2, 3]);
    });

    test('an abort in the middle leaves a destination that takes the batch again', async () => {
      const feed = await start();
      const controller = new AbortController();
      const writing = feed.write(plainEntries(1, 500), controller.signal).catch((error: unknown) => error);
      controller.abort();
      // It may have been too late to stop it.
      expect(await writing).toSatisfy(
        (outcome) => !(outcome instanceof Error) || outcome instanceof SinkError || isAbort(outcome),
      );
      await feed.deliver(plainEntries(1, 500));
      expect(await sequences(setup, 'acme')).toSatisfy((held: number[]) => isWhole(held, 500, feed.sink));
    });

    test('close waits for the write in flight', async () => {
      const feed = await start();
      const writing = feed.write(plainEntries(1, 200));
      await feed.sink.close();
      await writing;
      expect(await setup.readBack('acme')).toHaveLength(200);
    });

    test('close may be called twice, at once, and without an open', async () => {
      await setup.sink.close();
      const second = await open(await setup.restart());
      await Promise.all([second.close(), second.close()]);
      await second.close();
      expect(second.name).not.toBe('');
    });

    const more = [
      harness.canLose === true ? describeLookingBack : describeStream,
      ...(harness.canBreak === true ? [describeOutage] : []),
    ];
    for (const describeMore of more) describeMore(() => setup, start);
  });
}

/** Destinations that keep nothing that could be looked at. */
function describeStream(_current: () => SinkSetup, start: () => Promise<Feed>): void {
  test('never claims to hold what it can not look at', async () => {
    const feed = await start();
    const held = await feed.deliver(plainEntries(1, 1));
    expect(await feed.sink.holds('acme', held, { signal: never() })).toBe(false);
  });
}

/** Destinations that can be asked what they hold. */
function describeLookingBack(current: () => SinkSetup, start: () => Promise<Feed>): void {
  test('holds what it acknowledged, and nothing else', async () => {
    const feed = await start();
    const entries = plainEntries(1, 5);
    const { object } = await feed.deliver(entries);
    for (const entry of entries) expect(await holds(feed, heldEntry(entry, object))).toBe(true);
    for (const entry of plainEntries(6, 1)) expect(await holds(feed, heldEntry(entry, object))).toBe(false);
    for (const entry of plainEntries(1, 1, 'stranger')) {
      expect(await holds(feed, heldEntry(entry, object))).toBe(false);
    }
  });

  test('does not hold an entry that was altered, renumbered, or is of another organization', async () => {
    const feed = await start();
    const entries = plainEntries(1, 2);
    const { object } = await feed.deliver(entries);
    const [entry] = entries;
    if (entry === undefined) throw new Error('two entries were made');
    expect(await holds(feed, heldEntry(alteredEntry(entry), object))).toBe(false);
    expect(await holds(feed, heldEntry({ ...entry, sequence: 2 }, object))).toBe(false);
    const other = await feed.sink.holds('umbrella', heldEntry(entry, object), { signal: never() });
    expect(other).toBe(false);
  });

  test('tells which of many entries are missing or altered, where it can compare them at once', async () => {
    const feed = await start();
    const entries = plainEntries(1, 5);
    const { object } = await feed.deliver(entries);
    const ask = async (asked: readonly SinkEntry[]): Promise<readonly HeldDifference[] | undefined> => {
      const places = asked.map(({ sequence, sha256 }) => ({ sequence, sha256, object }));
      return await feed.sink.compare?.(feed.organization, places, { signal: never() });
    };
    const isAble = feed.sink.compare !== undefined;
    const [first, second, ...rest] = entries;
    if (first === undefined || second === undefined) throw new Error('five entries were made');
    const altered = [first, alteredEntry(second), ...rest, ...plainEntries(6, 1)];
    const differences = [
      { sequence: 2, kind: 'altered' },
      { sequence: 6, kind: 'missing' },
    ];
    expect(await ask(entries)).toEqual(isAble ? [] : undefined);
    expect(await ask(altered)).toEqual(isAble ? differences : undefined);
    await current().loseIt?.();
    const all = entries.map(({ sequence }) => ({ sequence, kind: 'missing' }));
    expect(await ask(entries)).toEqual(isAble ? all : undefined);
  });

  test('holds each exotic entry', async () => {
    const feed = await start();
    const entries = exoticEntries();
    const { object } = await feed.deliver(entries);
    const missing: string[] = [];
    for (const entry of entries) {
      if (!(await holds(feed, heldEntry(entry, object)))) missing.push(entry.id);
    }
    expect(missing).toEqual([]);
  });

  test('stops as destination_lost when the last acknowledged entry is gone', async () => {
    const feed = await start();
    await feed.deliver(plainEntries(1, 3));
    await current().loseIt?.();
    const error = await rejection(feed.attach());
    expectHelpful(error, current());
    expect(error).toMatchObject({ code: 'destination_lost', retryable: false });
  });

  test('stops as destination_lost when the last acknowledged entry is there with other content', async () => {
    const feed = await start();
    const held = await feed.deliver(plainEntries(1, 3));
    feed.last = { ...held, sha256: Buffer.alloc(32, 7) };
    expect(await rejection(feed.attach())).toMatchObject({ code: 'destination_lost', retryable: false });
  });

  test('stops as destination_lost, and writes nothing, when it is emptied while it is fed', async () => {
    const feed = await start();
    await feed.deliver(plainEntries(1, 3));
    await current().loseIt?.();
    const error = await rejection(feed.write(plainEntries(4, 3)));
    expectHelpful(error, current());
    expect(error).toMatchObject({ code: 'destination_lost', retryable: false });
    expect(await current().readBack('acme')).toEqual([]);
  });

  test('writing other content under a known place is refused, and alters nothing', async () => {
    const feed = await start();
    const entries = plainEntries(1, 3);
    await feed.deliver(entries);
    const error = await rejection(feed.write(entries.map(alteredEntry)));
    expectHelpful(error, current());
    expect(error).toMatchObject({ code: 'foreign_writer', retryable: false });
    expect(await rawTexts(current(), 'acme')).toEqual(entries.map((entry) => entry.raw.toString()));
  });
}

/** Destinations that can be cut off. */
function describeOutage(current: () => SinkSetup, start: () => Promise<Feed>): void {
  test('a destination that is down is a retryable error, and the next write succeeds when it is back', async () => {
    const feed = await start();
    await feed.deliver(plainEntries(1, 2));
    await current().breakIt?.();
    const error = await rejection(feed.write(plainEntries(3, 2)));
    expectHelpful(error, current());
    expect(error).toMatchObject({ retryable: true, poisonSequence: undefined });
    await current().repairIt?.();
    await feed.deliver(plainEntries(3, 2));
    expect(await sequences(current(), 'acme')).toEqual([1, 2, 3, 4]);
  });

  test('a destination that is down is never read as lost', async () => {
    const feed = await start();
    await feed.deliver(plainEntries(1, 2));
    await current().breakIt?.();
    const error = await rejection(feed.attach());
    expectHelpful(error, current());
    expect(error).toMatchObject({ retryable: true });
    expect(error).not.toMatchObject({ code: 'destination_lost' });
    await current().repairIt?.();
    await feed.attach();
  });

  test('a destination that is down at the start is a retryable error of open', async () => {
    await current().breakIt?.();
    const second = await current().restart();
    const error = await rejection(second.open({ signal: never() }));
    expectHelpful(error, current());
    expect(error).toMatchObject({ retryable: true });
    await current().repairIt?.();
    await second.open({ signal: never() });
    await second.close();
  });
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => toError(error),
  );
  if (outcome === undefined) throw new Error('it resolved, but was expected to reject');
  return outcome;
}

/** A SinkError in whole sentences, at least one of which says what to do, without secrets down to the last cause. */
function expectHelpful(error: Error, setup: SinkSetup): void {
  expect(error).toBeInstanceOf(SinkError);
  expect(error.message).toMatch(/^[A-Z].*\.$/s);
  expect(error.message).toMatch(/\.\s+[A-Z]/);
  expect(error).toMatchObject({ code: expect.stringMatching(/^[a-z][a-z0-9_]*$/) });
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    expectNoSecret(cause.message, setup);
  }
}

function expectNoSecret(text: string, setup: SinkSetup): void {
  expect(redactSecrets(text)).toBe(text);
  for (const secret of setup.secrets ?? []) expect(text).not.toContain(secret);
}

async function holds(feed: Feed, entry: HeldEntry): Promise<boolean> {
  return feed.sink.holds(feed.organization, entry, { signal: never() });
}

/** Whether 1 … `last` are all there: once each, or at least once where repeats are visible. */
function isWhole(held: readonly number[], last: number, sink: Sink): boolean {
  const distinct = new Set(held);
  const isComplete = distinct.size === last && distinct.has(1) && distinct.has(last);
  return isComplete && (sink.capabilities.repeats === 'visible' || held.length === last);
}

/** The ids of entries that the destination does not hold at their place, byte for byte. */
async function alteredIds(setup: SinkSetup, entries: readonly SinkEntry[]): Promise<string[]> {
  const held = await rawTexts(setup, 'acme');
  return entries.filter((entry, index) => held[index] !== entry.raw.toString()).map((entry) => entry.id);
}

async function rawTexts(setup: SinkSetup, organization: string): Promise<string[]> {
  return (await setup.readBack(organization)).map((entry) => entry.raw);
}

/** The sequences of plain entries, as their ids tell them; a destination that keeps sequences must agree. */
async function sequences(setup: SinkSetup, organization: string): Promise<number[]> {
  return (await setup.readBack(organization)).map((entry) => {
    const sequence = Number(/"entry-(\d+)"/.exec(entry.raw)?.[1]);
    expect(entry.sequence ?? sequence).toBe(sequence);
    return sequence;
  });
}

function never(): AbortSignal {
  return new AbortController().signal;
}
