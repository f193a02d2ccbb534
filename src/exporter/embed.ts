/**
 * The exporter inside another program, with sinks of its own. The command line is this with a configuration file, metrics
 * and signals around it.
 */
import { readSecretFile, Secret } from '../../config/secret.ts';
import type { Sink } from '../../sinks/sink.ts';
import type { SigningKey } from '../archive/digest/signing-key.ts';
import { createAuditSource, type CloudApiOptions } from '../cloud-api/index.ts';
import { silentDeliveryObserver } from '../delivery/delivery-observer.ts';
import { UsageError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { silentObserver } from '../reader/reader-observer.ts';
import { nanosFromMs } from '../time.ts';
import { runDaemon } from './daemon.ts';
import type { Exporter, ExporterOrganization } from './exporter.ts';
import { runBackfill, type OneShotResult } from './one-shot.ts';
import { openStore } from './open-ledger.ts';
import { readSigningKey } from './signing-key.ts';

export interface ExportOptions {
  readonly store: {
    /** `postgres://…` (PostgreSQL or CockroachDB), or `pglite:` and a directory. */
    readonly url: string;
    /** Default `ccloud_audit`. */
    readonly schema?: string;
  };
  /** At least one. */
  readonly organizations: readonly ExportedOrganization[];
  /** Each gets every organization, from the first entry on. `close` closes them. */
  readonly sinks: readonly Sink[];
  /** Signs the digests that archives get (sinks with `writeDigest`). Default: they are not signed. */
  readonly signing?: ExportSigning;
  /** Default: no logs. */
  readonly logger?: Logger;
}

/**
 * An Ed25519 private key in PEM, as `ccloud-audit key generate` makes it, or a file that holds one. It is read by
 * `openExport` and never again: what happens to the file afterwards counts when it is called the next time.
 */
export type ExportSigning = { readonly key: string } | { readonly keyFile: string };

export interface ExportedOrganization extends Omit<CloudApiOptions, 'logger'> {
  /** A label of your own, bound to the organization's id at first contact: `[a-z0-9][a-z0-9-]{0,62}`. */
  readonly name: string;
  /** Where the history begins when the organization is first seen. Default: its creation. */
  readonly startFrom?: Date;
}

export interface Export {
  /** Reads everything up to now; resolves when every sink holds it. */
  backfill(options: { readonly signal: AbortSignal }): Promise<readonly OneShotResult[]>;
  /** Tails until the signal is aborted, then finishes what is in flight. Degrades instead of rejecting. */
  run(options: RunOptions): Promise<void>;
  /** Closes sinks, clients and the store. Call it when nothing runs any more. */
  close(): Promise<void>;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Cron expressions in UTC, a sixth field in front for seconds. Default: every minute, and daily at 03:17. */
  readonly schedule?: { readonly tail: string; readonly rescan: string };
}

/** The command line's defaults; CONFIGURATION.md says what they mean. */
const defaults = {
  leaseMs: 30_000,
  giveUpAfterMs: 120_000,
  schedule: { tail: '* * * * *', rescan: '17 3 * * *' },
  settings: { pageSize: 1000, overlapMs: 15 * 60_000, rescanWindowMs: 48 * 3_600_000 },
} as const;

const organizationName = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Opens the store and brings its tables up to date. Rejects with an ExporterError that says what to do. */
export async function openExport(options: ExportOptions, signal: AbortSignal): Promise<Export> {
  const logger = options.logger ?? silentLogger;
  const { url, schema = 'ccloud_audit' } = options.store;
  checkNames(options);
  const signingKey = await signingKeyIn(options.signing);
  const store = await openStore({
    store: { url: new Secret(url), schema, migrate: true, retentionMs: undefined },
    leaseMs: defaults.leaseMs,
    logger,
    command: 'ccloud-audit-export, embedded',
    create: true,
    signal,
  });
  const organizations = options.organizations.map((organization) => openOrganization(organization, logger));
  const exporter: Exporter = {
    ledger: store.ledger,
    organizations,
    sinks: options.sinks.map((sink) => ({ sink, organizations: undefined, from: 'beginning' })),
    settings: defaults.settings,
    retentionMs: undefined,
    digests: { signingKey },
    observer: { ...silentObserver, ...silentDeliveryObserver, ...silentWorkObserver },
    logger,
    abort: new AbortController().signal,
  };
  return {
    backfill: (shot) =>
      runBackfill(
        exporter,
        { from: undefined, to: nanosFromMs(Date.now()) },
        { signal: shot.signal, giveUpAfterMs: defaults.giveUpAfterMs },
      ),
    run: (run) => runDaemon(exporter, { schedule: run.schedule ?? defaults.schedule, signal: run.signal }),
    close: async () => {
      await Promise.all([
        ...options.sinks.map((sink) => sink.close()),
        ...organizations.map(({ source }) => source.close()),
      ]);
      await store.close();
    },
  };
}

async function signingKeyIn(signing: ExportSigning | undefined): Promise<SigningKey | undefined> {
  if (signing === undefined) return undefined;
  const { key, keyFile }: { readonly key?: string; readonly keyFile?: string } = signing;
  if (key !== undefined && keyFile === undefined) return readSigningKey(key, 'The key in `signing`');
  if (keyFile === undefined || key !== undefined) {
    throw new UsageError('`signing` must have either key or keyFile.', { code: 'signing_key_missing' });
  }
  return readSigningKey(await readSecretFile(keyFile), `The key in ${keyFile}`);
}

const silentWorkObserver = {
  leaseHeld: (): void => undefined,
  failure: (): void => undefined,
  sweepSucceeded: (): void => undefined,
};

function openOrganization(
  { name, startFrom, ...client }: ExportedOrganization,
  logger: Logger,
): ExporterOrganization {
  return {
    name,
    source: createAuditSource({ ...client, logger: logger.child({ organization: name }) }),
    keyGeneration: () => 0,
    startFrom: startFrom === undefined ? undefined : nanosFromMs(startFrom.getTime()),
  };
}

function checkNames({ organizations, sinks }: ExportOptions): void {
  if (organizations.length === 0) throw new UsageError('There is no organization to export.');
  const unfit = organizations.find(({ name }) => !organizationName.test(name));
  if (unfit !== undefined) {
    throw new UsageError(`The organization name "${unfit.name}" does not match ${organizationName.source}.`);
  }
  for (const named of [organizations, sinks.map(({ name }) => ({ name }))]) {
    const names = named.map(({ name }) => name);
    const repeated = names.find((name, index) => names.indexOf(name) !== index);
    if (repeated !== undefined) throw new UsageError(`The name "${repeated}" is given twice.`);
  }
}
