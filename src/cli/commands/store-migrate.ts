import { openStore } from '../../exporter/open-ledger.ts';
import { prepareStore } from '../../ledger/migrate.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { load, loggerOf } from '../load.ts';
import { note, printJson } from '../output.ts';

/** Migrates whatever `store.migrate` says: that is what it is set to false for. */
export async function run(context: CliContext): Promise<ExitCode> {
  const loaded = await load(context, { needsKey: false });
  const { store: config, leaseMs } = loaded.config;
  const store = await openStore({
    store: { ...config, migrate: true },
    leaseMs,
    logger: loggerOf(context, loaded),
    command: 'ccloud-audit store migrate',
    create: true,
    signal: context.signal,
  });
  try {
    const { ledger, database } = store;
    const { ledgerId, schemaVersion } = await prepareStore(ledger.database, {
      schema: ledger.schema,
      migrate: false,
    });
    if (context.output === 'json') {
      await printJson(context, {
        store: database.fingerprint,
        schema: ledger.schema,
        schemaVersion,
        ledgerId,
      });
    }
    note(context, `The schema "${ledger.schema}" at ${database.fingerprint} is at version ${schemaVersion}.`);
  } finally {
    await store.close();
  }
  return exitCodes.done;
}
