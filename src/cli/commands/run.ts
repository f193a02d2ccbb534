import { runDaemon } from '../../exporter/daemon.ts';
import { runOnce } from '../../exporter/one-shot.ts';
import { scheduledReconciling } from '../../proof/reconcile/schedule.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { countParkedOf } from '../parked-count.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { withSession } from '../export-session.ts';
import { note } from '../output.ts';
import { startMonitor } from '../monitor.ts';
import { StopRequested } from '../signals.ts';
import { readGiveUp } from './backfill.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  return input.isSet('once') ? await sweepOnce(context, readGiveUp(input)) : await serve(context);
}

/** The daemon: being stopped is how it ends well. */
async function serve(context: CliContext): Promise<ExitCode> {
  const monitor = startMonitor();
  try {
    await withSession(
      context,
      {
        command: 'run',
        observer: monitor.observer,
        onRequest: monitor.onRequest,
        waitsForEver: true,
        onConfig: (config, logger) => monitor.listen(config, logger),
        onStore: (store) => monitor.watch(store),
        status: () => monitor.status(),
      },
      async ({ config, exporter }) => {
        const { schedule, ...settings } = config.reconcile;
        const reconciling =
          schedule === undefined ? undefined : scheduledReconciling({ schedule, ...settings });
        await runDaemon(exporter, { schedule: config.schedule, reconciling, signal: context.signal });
      },
    );
  } catch (error) {
    // Stopped while it still waited for its store or for the API.
    if (!(error instanceof StopRequested)) throw error;
  } finally {
    await monitor.close();
  }
  return exitCodes.done;
}

async function sweepOnce(context: CliContext, giveUpAfterMs: number): Promise<ExitCode> {
  const monitor = startMonitor();
  return await withSession(
    context,
    {
      command: 'run --once',
      observer: monitor.observer,
      onRequest: monitor.onRequest,
      waitsForEver: false,
      onStore: (store) => monitor.watch(store),
      status: () => monitor.status(),
    },
    async ({ exporter }) => {
      const results = await runOnce(exporter, { signal: context.signal, giveUpAfterMs });
      for (const { organization, head, added } of results) {
        note(context, `${organization}: ${added} new entries, ${head} in the ledger; every sink holds them.`);
      }
      return (await countParkedOf(exporter)) === 0 ? exitCodes.done : exitCodes.parked;
    },
  );
}
