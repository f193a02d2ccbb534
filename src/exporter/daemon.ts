/**
 * The daemon: one read job per organization, one delivery job per organization and sink, the clocks. It never exits for
 * the Cloud API's or a sink's sake: it degrades, says so, and goes on trying.
 */
import { registerDelivery } from '../ledger/deliveries.ts';
import { writeJournal } from '../ledger/journal.ts';
import type { Organization } from '../ledger/organizations.ts';
import { describeError } from '../logger.ts';
import { startCron } from '../schedule/cron.ts';
import { createDeliveryJob, type DeliveryJob } from './delivery-job.ts';
import { sinksOf, type Exporter, type ScheduledReconciling } from './exporter.ts';
import { runJobs, type Job } from './job-runner.ts';
import { createReadJob, type ReadJob } from './read-job.ts';
import { registerByName } from './read-work.ts';
import { SinkOpening } from './sink-opening.ts';

export interface DaemonOptions {
  /** Cron expressions in UTC. */
  readonly schedule: { readonly tail: string; readonly rescan: string };
  /** Default: never. */
  readonly reconciling?: ScheduledReconciling | undefined;
  readonly signal: AbortSignal;
}

/** Runs until the signal is aborted, then waits for what is in flight. */
export async function runDaemon(exporter: Exporter, options: DaemonOptions): Promise<void> {
  const { readJobs, deliveryJobs } = await createJobs(exporter, options.reconciling);
  const jobs: Job[] = [...readJobs, ...deliveryJobs.flat()].map(({ job }) => job);
  await writeJournal(exporter.ledger, { what: 'started', detail: { command: 'run' } });
  const clocks = [
    startCron(options.schedule.tail, () => readJobs.forEach((job) => job.sweep()), exporter.logger),
    startCron(options.schedule.rescan, () => readJobs.forEach((job) => job.rescan()), exporter.logger),
  ];
  if (options.reconciling !== undefined) {
    const reconcile = (): void => readJobs.forEach((job) => job.reconcile());
    clocks.push(startCron(options.reconciling.schedule, reconcile, exporter.logger));
  }
  exporter.logger.info(
    { organizations: exporter.organizations.length, jobs: jobs.length },
    'exporter started',
  );
  try {
    await runJobs(exporter.ledger, jobs, { signal: options.signal, logger: exporter.logger });
  } finally {
    for (const clock of clocks) clock.stop();
    await noteStop(exporter);
    exporter.logger.info({}, 'exporter stopped, every lease given back');
  }
}

/** A stop is a stop, also while the store is away. */
async function noteStop(exporter: Exporter): Promise<void> {
  try {
    await writeJournal(exporter.ledger, { what: 'stopped', detail: { command: 'run' } });
  } catch (error) {
    exporter.logger.warn({ error: describeError(error) }, 'stop not noted in the store');
  }
}

interface Jobs {
  readonly readJobs: ReadJob[];
  readonly deliveryJobs: DeliveryJob[];
}

async function createJobs(exporter: Exporter, reconciling: ScheduledReconciling | undefined): Promise<Jobs> {
  const openings = new Map(exporter.sinks.map(({ sink }) => [sink.name, new SinkOpening(sink)]));
  const readJobs: ReadJob[] = [];
  const deliveryJobs: DeliveryJob[] = [];
  for (const configured of exporter.organizations) {
    const organization = await registerByName(exporter, configured);
    const deliveries = await createDeliveryJobs(exporter, organization, openings);
    deliveryJobs.push(...deliveries);
    const observer: Exporter['observer'] = {
      ...exporter.observer,
      appended: (name, result) => {
        exporter.observer.appended(name, result);
        if (result.added.length > 0) for (const delivery of deliveries) delivery.wake();
      },
    };
    readJobs.push(
      createReadJob({ ...exporter, observer }, { ...configured, id: organization.id }, reconciling),
    );
  }
  return { readJobs, deliveryJobs };
}

async function createDeliveryJobs(
  exporter: Exporter,
  organization: Organization,
  openings: ReadonlyMap<string, SinkOpening>,
): Promise<DeliveryJob[]> {
  const jobs: DeliveryJob[] = [];
  for (const exporterSink of sinksOf(exporter, organization.name)) {
    const { sink, from } = exporterSink;
    await registerDelivery(exporter.ledger, {
      organization: organization.id,
      sink: sink.name,
      type: sink.type,
      fingerprint: sink.fingerprint,
      from,
      isArchive: sink.capabilities.roll !== undefined,
    });
    const opening = openings.get(sink.name) ?? new SinkOpening(sink);
    jobs.push(createDeliveryJob(exporter, { organization, sink: exporterSink, opening }));
  }
  return jobs;
}
