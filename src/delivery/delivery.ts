/**
 * One delivery: feeds one sink the ledger of one organization, under a lease, in sequence order.
 *
 *     attach ─▶ [ planned object? ─▶ ] batch ─▶ write ─▶ offset moves (with the plan's confirmation or the parking)
 *
 * Each step can be repeated after a failure or a crash: the batch of a sequence range never changes, the range of an
 * archive object is planned in the ledger first, and the offset moves only when the sink holds the batch durably.
 */
import type { Sink } from '../../sinks/sink.ts';
import { SinkError } from '../../sinks/sink-error.ts';
import { acknowledge, findDelivery, noteDeliverySuccess, type Delivery } from '../ledger/deliveries.ts';
import { announceStep } from '../steps.ts';
import type { Nanos } from '../time.ts';
import { parkEntry } from '../ledger/parked.ts';
import { createFollower, type Follower } from '../ledger/recent-segments.ts';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';
import { attachSink } from './attach.ts';
import { createDigestDelivery, type DigestDelivery, type DigestMoment } from './digest-delivery.ts';
import type { DeliveryOptions } from './delivery-options.ts';
import { readBatch } from './ledger-batches.ts';
import { createObjectDelivery, type ObjectDelivery } from './object-delivery.ts';
import { toBatch, writeUntilAborted } from './write-batch.ts';

/** A batch for sinks that do not roll: a COPY of this size costs little per row and little memory. */
const batchLimits = { entries: 4000, bytes: 8 * 1024 * 1024 };
/** More refused entries in a row than this is a broken destination, not poison. */
const poisonRunMax = 10;

export interface RunningDelivery {
  /** The last sequence the sink holds durably. */
  readonly offset: number;
  /**
   * Feeds what there is. With `flush`, archive objects that are not full yet too. Resolves when nothing is left to
   * feed now; rejects with the sink's or the store's error, after which it can be called again.
   */
  feed(options: { readonly flush: boolean; readonly signal: AbortSignal }): Promise<void>;
  /** Writes the digests that are due, where the sink keeps any. Rejects like `feed`. */
  writeDigests(moment: DigestMoment, signal: AbortSignal): Promise<void>;
}

/**
 * Attaches the sink. Throws a SinkError of code `destination_changed` for another destination under the same name, a
 * UsageError of code `signing_key_changed` for another key than the archive's.
 */
export async function startDelivery(options: DeliveryOptions, signal: AbortSignal): Promise<RunningDelivery> {
  await createDigestDelivery(options)?.checkKey();
  const delivery = await attachDelivery(options, signal);
  await noteDeliverySuccess(options.ledger, options.lease);
  return new Feeding(options, delivery);
}

/** Attaches the sink where it points at the delivery's destination; resolves to the delivery's row. */
export async function attachDelivery(options: DeliveryOptions, signal: AbortSignal): Promise<Delivery> {
  const { ledger, lease, organization, sink } = options;
  const delivery = await findDelivery(ledger, organization.id, lease.target.sink);
  if (delivery === undefined) throw new TypeError('a delivery is registered before its lease is taken');
  if (delivery.fingerprint !== sink.fingerprint) throw destinationChanged(sink, delivery.fingerprint);
  await attachSink(ledger, { organization, sink, offset: delivery.offset }, signal);
  return delivery;
}

/** An entry that the sink can never take. */
interface Refusal {
  readonly sequence: number;
  readonly error: SinkError;
}

class Feeding implements RunningDelivery {
  readonly #options: DeliveryOptions;
  readonly #follower: Follower;
  readonly #objects: ObjectDelivery | undefined;
  readonly #digests: DigestDelivery | undefined;
  readonly #fromTime: Nanos | undefined;
  #offset: number;
  #poisonRun = 0;
  /** After a failure the commit that moves the offset may have happened all the same. */
  #isOffsetCertain = true;

  constructor(options: DeliveryOptions, delivery: Delivery) {
    this.#options = options;
    this.#offset = delivery.offset;
    this.#fromTime = delivery.fromTime;
    this.#digests = createDigestDelivery(options);
    const { roll } = options.sink.capabilities;
    this.#follower = createFollower(options.organization.id);
    this.#objects =
      roll === undefined ? undefined : createObjectDelivery(options, { roll, follower: this.#follower });
  }

  get offset(): number {
    return this.#offset;
  }

  async feed(options: { readonly flush: boolean; readonly signal: AbortSignal }): Promise<void> {
    if (!this.#isOffsetCertain) this.#offset = await this.#readOffset();
    this.#isOffsetCertain = false;
    await this.#options.ledger.recent.followed(this.#follower, async () => {
      for (;;) {
        options.signal.throwIfAborted();
        const wasFed =
          this.#objects === undefined
            ? await this.#feedBatch()
            : await this.#feedObject(this.#objects, options.flush);
        if (!wasFed) break;
      }
    });
    this.#isOffsetCertain = true;
  }

  async writeDigests(moment: DigestMoment, signal: AbortSignal): Promise<void> {
    await this.#digests?.write(moment, signal);
  }

  async #readOffset(): Promise<number> {
    const { ledger, lease } = this.#options;
    const delivery = await findDelivery(ledger, lease.target.organization, lease.target.sink);
    if (delivery === undefined) throw new TypeError('a delivery row vanished under its lease');
    return delivery.offset;
  }

  async #feedObject(objects: ObjectDelivery, flush: boolean): Promise<boolean> {
    const written = await objects.writeNext({ after: this.#offset, flush });
    return written !== undefined && this.#moved(written.lastSequence, written.entries);
  }

  #moved(offset: number, entries: number): true {
    const { organization, sink, observer } = this.#options;
    this.#offset = offset;
    observer.delivered({ organization: organization.name, sink: sink.name }, { entries, offset });
    return true;
  }

  async #feedBatch(): Promise<boolean> {
    const { ledger } = this.#options;
    const place = { follower: this.#follower, first: this.#offset + 1 };
    let batch = await readBatch(ledger, place, batchLimits);
    let refusal: Refusal | undefined;
    for (;;) {
      try {
        const wasFed = await this.#write(batch);
        if (refusal === undefined) return wasFed;
        await this.#park(refusal.sequence, refusal.error);
        return true;
      } catch (error) {
        if (!(error instanceof SinkError) || error.poisonSequence === undefined) throw error;
        const sequence = error.poisonSequence;
        // Parking moves the offset: an entry that was not in the batch would take others past the sink unwritten.
        if (!batch.some((entry) => entry.sequence === sequence))
          throw refusesStranger(this.#options.sink, error);
        refusal = { sequence, error };
        batch = batch.filter((entry) => entry.sequence < sequence);
      }
    }
  }

  async #write(batch: readonly LedgerEntry[]): Promise<boolean> {
    const { ledger, lease, organization } = this.#options;
    const last = batch.at(-1);
    if (last === undefined) return false;
    const from = this.#fromTime;
    const wanted = from === undefined ? batch : batch.filter((entry) => entry.createdAt >= from);
    if (wanted.length > 0) await writeUntilAborted(this.#options, toBatch(organization, wanted));
    await acknowledge(ledger, lease, last.sequence);
    this.#poisonRun = 0;
    return this.#moved(last.sequence, wanted.length);
  }

  /** Sets the entry aside in the commit that moves the offset past it. */
  async #park(sequence: number, error: SinkError): Promise<void> {
    const { ledger, lease, organization, sink, observer, logger } = this.#options;
    this.#poisonRun += 1;
    if (this.#poisonRun > poisonRunMax) throw tooManyRefused(sink, error);
    await acknowledge(ledger, lease, sequence, async (transaction) => {
      await parkEntry(ledger, transaction, { lease, sequence, code: error.code, reason: error.message });
      announceStep('before-park-commit', sink.name);
    });
    this.#offset = sequence;
    observer.parked({ organization: organization.name, sink: sink.name });
    logger.warn({ sequence, code: error.code }, 'entry parked, the sink can never take it');
  }
}

function tooManyRefused(sink: Sink, error: SinkError): SinkError {
  return new SinkError(
    `The sink "${sink.name}" refused more than ${poisonRunMax} entries in a row, the last with: ${error.message} ` +
      'That looks like a broken destination; nothing more is set aside. Mend it, then restart.',
    { code: 'too_many_refused', retryable: false, cause: error },
  );
}

function refusesStranger(sink: Sink, error: SinkError): SinkError {
  return new SinkError(
    `The sink "${sink.name}" says that it can never take sequence ${error.poisonSequence}, which it was not given. ` +
      `That is a fault of the sink's own; nothing was set aside. It said: ${error.message}`,
    { code: 'refusal_unusable', retryable: false, cause: error },
  );
}

function destinationChanged(sink: Sink, known: string): SinkError {
  return new SinkError(
    `The sink "${sink.name}" points at ${sink.fingerprint}, but until now it wrote to ${known}. ` +
      'Put the old destination back, or give the new one another sink name (it gets everything from the start)' +
      // The objects of a retired archive stay listed under its name.
      (sink.capabilities.roll === undefined
        ? `, or run "ccloud-audit sink retire ${sink.name}" first.`
        : '.'),
    { code: 'destination_changed', retryable: false },
  );
}
