/** What a daemon and a one-shot work with: one ledger, the organizations with their sources, the sinks. */
import type { Sink } from '../../sinks/sink.ts';
import type { AuditSource } from '../cloud-api/audit-page.ts';
import type { DeliveryObserver } from '../delivery/delivery-observer.ts';
import type { DeliveryStart } from '../ledger/deliveries.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Logger } from '../logger.ts';
import type { ReaderSettings } from '../reader/organization-reader.ts';
import type { ReaderObserver } from '../reader/reader-observer.ts';
import type { Nanos } from '../time.ts';

export interface ExporterOrganization {
  readonly name: string;
  readonly source: AuditSource;
  /** Changes whenever the key does, so that another organization's key is noticed at once. */
  readonly keyGeneration: () => number;
  /** Undefined: from the organization's beginning. */
  readonly startFrom: Nanos | undefined;
}

export interface ExporterSink {
  readonly sink: Sink;
  /** Names of organizations; undefined: all. */
  readonly organizations: readonly string[] | undefined;
  readonly from: DeliveryStart;
}

export interface Exporter {
  readonly ledger: Ledger;
  readonly organizations: readonly ExporterOrganization[];
  readonly sinks: readonly ExporterSink[];
  readonly settings: ReaderSettings;
  /** How long raw text stays once every sink has it; undefined: for ever. */
  readonly retentionMs: number | undefined;
  readonly observer: ReaderObserver & DeliveryObserver & WorkObserver;
  readonly logger: Logger;
  /** Aborts what a stop would wait for: writes in flight. A stop alone lets them finish. */
  readonly abort: AbortSignal;
}

/** What a job tells about itself. Calls must not throw. */
export interface WorkObserver {
  leaseHeld(work: WorkName, isHeld: boolean): void;
  /** `undefined`: all is well. */
  failure(work: WorkName, failure: { readonly code: string; readonly isStopped: boolean } | undefined): void;
  sweepSucceeded(organization: string): void;
}

export interface WorkName {
  readonly organization: string;
  /** Undefined: reading the organization. */
  readonly sink: string | undefined;
}

/** The sinks that get an organization's entries. */
export function sinksOf(exporter: Exporter, organization: string): ExporterSink[] {
  return exporter.sinks.filter(({ organizations }) => organizations?.includes(organization) ?? true);
}
