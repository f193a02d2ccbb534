/** Another signing key for archives, each under the lease of its delivery. */
import type { Sink } from '../../sinks/sink.ts';
import type { SigningKey } from '../archive/digest/signing-key.ts';
import { attachDelivery } from '../delivery/delivery.ts';
import type { DeliveryOptions } from '../delivery/delivery-options.ts';
import { silentDeliveryObserver } from '../delivery/delivery-observer.ts';
import { createDigestDelivery, type KeyRotation } from '../delivery/digest-delivery.ts';
import type { Delivery } from '../ledger/deliveries.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { underDeliveryLease } from '../ledger/operator-lease.ts';
import type { Organization } from '../ledger/organizations.ts';
import type { Logger } from '../logger.ts';

export interface RotationWork {
  /** The key in force, as configured. */
  readonly signingKey: SigningKey | undefined;
  readonly rotation: KeyRotation;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Makes the change in one organization's archive; false where it was made before. Throws an ExporterError of kind `held`
 * while another process feeds the archive.
 */
export async function rotateArchiveKey(
  ledger: Ledger,
  archive: { readonly organization: Organization; readonly delivery: Delivery; readonly sink: Sink },
  work: RotationWork,
): Promise<boolean> {
  const { organization, delivery, sink } = archive;
  const { signal } = work;
  return await underDeliveryLease(ledger, { delivery, organization: organization.name }, async (lease) => {
    const options: DeliveryOptions = {
      ledger,
      lease,
      organization,
      sink,
      observer: silentDeliveryObserver,
      logger: work.logger.child({ organization: organization.name, sink: sink.name }),
      digests: { signingKey: work.signingKey },
      abort: signal,
    };
    await sink.open({ signal });
    await attachDelivery(options, signal);
    const digests = createDigestDelivery(options);
    return digests !== undefined && (await digests.rotate(work.rotation, signal));
  });
}
