/** The daemon's feeding of one sink with one organization: isolated from every other, with its own backoff. */
import { createBackoff } from '../backoff.ts';
import { startDelivery } from '../delivery/delivery.ts';
import { noteDeliveryFailure, noteDeliverySuccess, type DeliveryLease } from '../ledger/deliveries.ts';
import type { Lease } from '../ledger/leases.ts';
import type { Organization } from '../ledger/organizations.ts';
import { isAwaitedBeyond } from '../ledger/stretches.ts';
import { Trigger } from '../trigger.ts';
import type { Exporter, ExporterSink } from './exporter.ts';
import { toFailure } from './failure.ts';
import type { Job } from './job-runner.ts';
import { afterFirstContact } from './read-work.ts';
import type { SinkOpening } from './sink-opening.ts';

/** Another process may read the organization, and archive objects grow old: look at least this often. */
const ledgerPollMs = 1000;

export interface DeliveryJob {
  readonly job: Job;
  /** Something was appended. */
  wake(): void;
}

export function createDeliveryJob(
  exporter: Exporter,
  work: { readonly organization: Organization; readonly sink: ExporterSink; readonly opening: SinkOpening },
): DeliveryJob {
  const { organization, opening } = work;
  const { sink } = work.sink;
  const trigger = new Trigger();
  const logger = exporter.logger.child({ organization: organization.name, sink: sink.name });
  const name = { organization: organization.name, sink: sink.name };

  const failed = async (lease: Lease, thrown: unknown): Promise<number> => {
    const failure = toFailure(thrown);
    exporter.observer.failure(name, failure);
    await noteDeliveryFailure(exporter.ledger, asDelivery(lease), failure);
    return failure.pauseMs;
  };

  const job: Job = {
    name: `deliver ${organization.name} to ${sink.name}`,
    target: { work: 'deliver', organization: organization.id, sink: sink.name },
    onLease: (isHeld) => exporter.observer.leaseHeld(name, isHeld),
    onFailure: async (lease, failure) => {
      await failed(lease, failure.error);
    },
    run: async (lease, signal) => {
      await opening.open(signal);
      const known = await afterFirstContact(exporter.ledger, organization, signal);
      const delivery = await startDelivery(
        { ...exporter, lease: asDelivery(lease), organization: known, sink, logger },
        signal,
      );
      exporter.observer.failure(name, undefined);
      const backoff = createBackoff({ firstMs: 1000, maxMs: 60_000 });
      let isFailing = false;
      while (!signal.aborted) {
        try {
          // A backfill of another process waits for its last, not yet full, objects.
          const flush = await isAwaitedBeyond(exporter.ledger, organization.id, delivery.offset);
          await delivery.feed({ flush, signal });
          await delivery.writeDigests(flush ? 'end' : 'due', signal);
          if (isFailing) {
            await noteDeliverySuccess(exporter.ledger, asDelivery(lease));
            exporter.observer.failure(name, undefined);
            logger.info({ offset: delivery.offset }, 'sink fed again');
          }
          isFailing = false;
          backoff.reset();
          await trigger.wait({ timeoutMs: ledgerPollMs, signal });
        } catch (error) {
          if (signal.aborted) return;
          const failure = toFailure(error);
          if (failure.isStopped || failure.code === 'lease_lost') throw error;
          isFailing = true;
          const waitMs = backoff.next(await failed(lease, error));
          const fields = { error: failure.error, nextTryMs: Math.round(waitMs) };
          logger.warn(fields, 'sink not fed, it will be tried again');
          await new Trigger().wait({ timeoutMs: waitMs, signal });
        }
      }
    },
  };
  return { job, wake: () => trigger.fire() };
}

function asDelivery(lease: Lease): DeliveryLease {
  const { target } = lease;
  if (target.work !== 'deliver') throw new TypeError('a delivery runs under a lease of its own row');
  return { ...lease, target, signal: lease.signal };
}
