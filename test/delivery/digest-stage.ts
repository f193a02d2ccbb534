/** What the tests of digests share: a ledger, an archive in a place of the test's choice, and the feeding of it. */
import { afterEach, beforeEach, vi } from 'vitest';
import type { Sink } from '../../sinks/sink.ts';
import { createArchiveSink } from '../../src/archive/archive-sink.ts';
import {
  generateSigningKey,
  parseSigningKey,
  type SigningKey,
} from '../../src/archive/digest/signing-key.ts';
import { silentDeliveryObserver } from '../../src/delivery/delivery-observer.ts';
import { startDelivery, type RunningDelivery } from '../../src/delivery/delivery.ts';
import type { DeliveryOptions, DigestSettings } from '../../src/delivery/delivery-options.ts';
import {
  createDigestDelivery,
  type DigestMoment,
  type KeyRotation,
} from '../../src/delivery/digest-delivery.ts';
import { append } from '../../src/ledger/append.ts';
import { registerDelivery, type DeliveryLease } from '../../src/ledger/deliveries.ts';
import type { Logger } from '../../src/logger.ts';
import { expectChained } from '../helpers/archive-digests.ts';
import type { ArchivePlace } from '../helpers/archive-places.ts';
import {
  createTestLedger,
  deliveryLease,
  readLease,
  testEntries,
  type LedgerProcess,
  type TestLedger,
} from '../helpers/test-ledger.ts';

const { signal } = new AbortController();
export const signingKey: SigningKey = parseSigningKey(generateSigningKey());

export interface Running {
  readonly delivery: RunningDelivery;
  readonly lease: DeliveryLease;
  readonly options: DeliveryOptions;
}

export interface DigestStage {
  readonly test: TestLedger;
  /** To be set before anything is begun. */
  place: ArchivePlace;
  readonly logged: readonly { readonly fields: object; readonly message: string }[];
  /** For what a test opens itself. */
  readonly cleanups: (() => Promise<void>)[];
  readonly begin: (
    settings?: DigestSettings,
    own?: { readonly process?: LedgerProcess; readonly sink?: (made: Sink) => Sink },
  ) => Promise<Running>;
  readonly fill: (first: number, count: number) => Promise<void>;
  /** Moves the archive's beginning and its digests into the past. */
  readonly age: (interval: string) => Promise<void>;
  readonly payloads: () => Promise<ReturnType<typeof expectChained>>;
}

export async function deliver(running: Running, moment: DigestMoment = 'end'): Promise<void> {
  await running.delivery.feed({ flush: true, signal });
  await running.delivery.writeDigests(moment, signal);
}

export async function rotate(running: Running, rotation: KeyRotation): Promise<boolean | undefined> {
  return await createDigestDelivery(running.options)?.rotate(rotation, signal);
}

/** Made anew before each test of the file and released after it. */
export function digestStage(): DigestStage {
  let test: TestLedger;
  let place: ArchivePlace;
  let cleanups: (() => Promise<void>)[] = [];
  const logged: { fields: object; message: string }[] = [];
  const keep = (fields: object, message: string): void => {
    logged.push({ fields, message });
  };
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => logger };

  beforeEach(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
    test = await createTestLedger();
    cleanups = [];
    logged.length = 0;
  });

  afterEach(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
    await place.dispose();
    await test.close();
    vi.unstubAllEnvs();
  });

  async function begin(
    settings: DigestSettings = { signingKey },
    own: { readonly process?: LedgerProcess; readonly sink?: (made: Sink) => Sink } = {},
  ): Promise<Running> {
    const { ledger } = own.process ?? test;
    const made = createArchiveSink({
      name: 'archive',
      type: 'test',
      objectStore: place.store(),
      roll: { entries: 3 },
    });
    cleanups.push(() => made.close());
    const sink = own.sink?.(made) ?? made;
    await sink.open({ signal });
    const { name, type, fingerprint } = sink;
    const organization = test.organization.id;
    await registerDelivery(ledger, { organization, sink: name, type, fingerprint, from: 'beginning' });
    const lease = await deliveryLease(ledger, test.organization, name);
    cleanups.push(() => lease.release());
    const options: DeliveryOptions = {
      ledger,
      lease,
      organization: test.organization,
      sink,
      observer: silentDeliveryObserver,
      digests: { lookMs: 0, ...settings },
      logger,
      abort: signal,
    };
    try {
      return { delivery: await startDelivery(options, signal), lease, options };
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  async function fill(first: number, count: number): Promise<void> {
    const lease = await readLease(test.ledger, test.organization);
    await append(test.ledger, lease, { entries: testEntries(first, count), move: { kind: 'none' } });
    await lease.release();
  }

  async function age(interval: string): Promise<void> {
    await test.rows(`UPDATE ledger.deliveries SET added_at = added_at - CAST('${interval}' AS interval)`);
    await test.rows(`UPDATE ledger.digests SET planned_at = planned_at - CAST('${interval}' AS interval)`);
  }

  async function payloads(): Promise<ReturnType<typeof expectChained>> {
    return expectChained(await place.objects());
  }

  return {
    get test() {
      return test;
    },
    get place() {
      return place;
    },
    set place(chosen) {
      place = chosen;
    },
    logged,
    get cleanups() {
      return cleanups;
    },
    begin,
    fill,
    age,
    payloads,
  };
}
