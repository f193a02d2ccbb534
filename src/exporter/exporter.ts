/** What a daemon and a one-shot work with: one ledger, the organizations with their sources, the sinks. */
import type { Sink } from '../../sinks/sink.ts';
import type { AuditSource } from '../cloud-api/audit-page.ts';
import type { DeliveryObserver } from '../delivery/delivery-observer.ts';
import type { DigestSettings } from '../delivery/delivery-options.ts';
import type { DeliveryStart } from '../ledger/deliveries.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Logger } from '../logger.ts';
import type { ReaderSettings } from '../reader/organization-reader.ts';
import type { PageEntry } from '../reader/page-entries.ts';
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
  /** How archives' digests are made; undefined: not signed, in the usual intervals. */
  readonly digests?: DigestSettings | undefined;
  /** Aborts what a stop would wait for: writes in flight. A stop alone lets them finish. */
  readonly abort: AbortSignal;
}

/** What a job tells about itself. Calls must not throw. */
export interface WorkObserver {
  leaseHeld(work: WorkName, isHeld: boolean): void;
  /** `undefined`: all is well. */
  failure(work: WorkName, failure: { readonly code: string; readonly isStopped: boolean } | undefined): void;
  sweepSucceeded(organization: string): void;
  /** An organization was compared with the API; how much was found of each kind. */
  reconciled?(organization: string, findings: Readonly<Record<string, number>>): void;
}

export interface WorkName {
  readonly organization: string;
  /** Undefined: reading the organization. */
  readonly sink: string | undefined;
}

/** Compares an organization with the API on a schedule; handed in, since it is no part of exporting. */
export interface ScheduledReconciling {
  /** A cron expression in UTC. */
  readonly schedule: string;
  run(work: ReconcilingWork, signal: AbortSignal): Promise<void>;
}

export interface ReconcilingWork {
  readonly exporter: Exporter;
  /** The organization's name. */
  readonly organization: string;
  /** Its API, with a key that was confirmed to be its own. */
  readonly source: AuditSource;
  /** Appends what is missing, under the lease of the reading; resolves to how many entries it kept. */
  readonly repair: (entries: readonly PageEntry[]) => Promise<number>;
}

/** The sinks that get an organization's entries. */
export function sinksOf(exporter: Exporter, organization: string): ExporterSink[] {
  return exporter.sinks.filter(({ organizations }) => organizations?.includes(organization) ?? true);
}
