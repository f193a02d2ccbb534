import type { Sink } from '../../sinks/sink.ts';
import type { SigningKey } from '../archive/digest/signing-key.ts';
import type { DeliveryLease } from '../ledger/deliveries.ts';
import type { MaterialLimits } from '../ledger/digest-material.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Organization } from '../ledger/organizations.ts';
import type { Logger } from '../logger.ts';
import type { DeliveryObserver } from './delivery-observer.ts';

/** What the feeding of one sink with one organization works with. */
export interface DeliveryOptions {
  readonly ledger: Ledger;
  readonly lease: DeliveryLease;
  readonly organization: Organization;
  readonly sink: Sink;
  readonly observer: DeliveryObserver;
  readonly logger: Logger;
  /** How digests of archives are made; undefined: not signed, in the usual intervals. */
  readonly digests?: DigestSettings | undefined;
  /** Aborts a write in flight, as losing the lease does; a stop lets it finish. */
  readonly abort: AbortSignal;
}

export interface DigestSettings {
  /** Undefined: digests are not signed. */
  readonly signingKey?: SigningKey | undefined;
  /** How long after the last digest new objects or changed entries make the next one due. Default an hour. */
  readonly hourlyMs?: number | undefined;
  /** How long after the last digest one is due when there is nothing new. Default a day. */
  readonly dailyMs?: number | undefined;
  /** How often the store is asked whether a digest is due. Default a minute. */
  readonly lookMs?: number | undefined;
  /** How much one digest lists. */
  readonly limits?: MaterialLimits | undefined;
}
