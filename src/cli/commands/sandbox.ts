import { once } from 'node:events';
import { startSandbox, trapNames, type SandboxOptions } from '../../sandbox/index.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, printJson, printListing, write } from '../output.ts';

/** Serves until it is stopped; being stopped is how it ends well. */
export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  if (input.list('trap').includes('help')) {
    await printTraps(context);
    return exitCodes.done;
  }
  const sandbox = await startSandbox(readOptions(input));
  try {
    const settings = { COCKROACH_SERVER: sandbox.url, COCKROACH_API_KEY: sandbox.apiKey };
    if (context.output === 'json') {
      await printJson(context, {
        url: sandbox.url,
        apiKey: sandbox.apiKey,
        organization: sandbox.organization,
      });
    } else {
      const lines = Object.entries(settings).map(([name, value]) => `export ${name}=${value}\n`);
      await write(context, lines.join(''));
    }
    note(
      context,
      `The sandbox of ${sandbox.organization.name} is running; set these two, then use it. Ctrl-C ends it.`,
    );
    if (!context.signal.aborted) await once(context.signal, 'abort');
  } finally {
    await sandbox.close();
  }
  return exitCodes.done;
}

function printTraps(context: CliContext): Promise<void> {
  return printListing(context, {
    rows: Object.entries(trapNames),
    columns: [
      { title: 'trap', text: ([name]) => name },
      { title: 'what it does', text: ([, does]) => does },
    ],
    json: { traps: trapNames },
    empty: 'No traps.',
  });
}

function readOptions(input: CommandInput): SandboxOptions {
  const host = input.text('host');
  const port = input.wholeNumber('port', { max: 65_535 });
  const entries = input.wholeNumber('entries', { max: 100_000_000 });
  const growPerSecond = input.number('grow', { max: 100_000 });
  const seed = input.wholeNumber('seed');
  const requestsPerSecond = input.number('rate-limit', { min: 0.01, max: 100_000 });
  const latencyMs = input.wholeNumber('latency', { max: 600_000 });
  return {
    traps: input.list('trap'),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(entries === undefined ? {} : { entries }),
    ...(growPerSecond === undefined ? {} : { growPerSecond }),
    ...(seed === undefined ? {} : { seed }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
  };
}
