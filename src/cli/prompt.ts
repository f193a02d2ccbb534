/** Questions to the person at the terminal; asked on stderr, since stdout belongs to results. */
import { text as readAll } from 'node:stream/consumers';
import { UsageError } from '../errors.ts';
import type { CliContext } from './context.ts';
import { StopRequested } from './signals.ts';

/** Where a SQL user's password may come from without a prompt; never from the command line, which others can see. */
export const passwordVariable = 'COCKROACH_SQL_PASSWORD';

/** Asks before something that can't be undone. Rejects with a UsageError where nobody can be asked or the answer is no. */
export async function confirm(context: CliContext, question: string): Promise<void> {
  if (context.yes) return;
  if (!context.isInteractive) {
    throw new UsageError(`${question} Nobody can be asked here: add --yes to go on.`, {
      code: 'confirmation_needed',
    });
  }
  const prompts = await import('@inquirer/prompts');
  const isAgreed = await asking(context, () =>
    prompts.confirm({ message: question, default: false }, promptContext(context)),
  );
  if (!isAgreed) throw new UsageError('Nothing was done.', { code: 'declined' });
}

export interface PasswordOptions {
  /** `--password-stdin`: the first line of stdin. */
  readonly fromStdin: boolean;
  readonly message: string;
}

/** A password from stdin, the environment or a prompt that asks twice. */
export async function readPassword(context: CliContext, options: PasswordOptions): Promise<string> {
  if (options.fromStdin) return firstLine(await readAll(context.stdin));
  const fromEnvironment = context.env[passwordVariable];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  if (!context.isInteractive) {
    throw new UsageError(
      `There is no password and nobody can be asked for it here: use --password-stdin or the variable ${passwordVariable}.`,
      { code: 'password_needed' },
    );
  }
  const prompts = await import('@inquirer/prompts');
  const ask = (message: string): Promise<string> =>
    asking(context, () => prompts.password({ message, mask: '*' }, promptContext(context)));
  const password = await ask(options.message);
  if (password === '') throw new UsageError('The password is empty.', { code: 'password_needed' });
  if (password !== (await ask('Again:'))) {
    throw new UsageError('The two passwords differ.', { code: 'password_needed' });
  }
  return password;
}

function firstLine(text: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? '';
  if (line === '') throw new UsageError('There is no password on stdin.', { code: 'password_needed' });
  return line;
}

function promptContext(context: CliContext): {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  signal: AbortSignal;
} {
  return { input: context.stdin, output: context.stderr, signal: context.signal };
}

async function asking<T>(context: CliContext, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    context.signal.throwIfAborted();
    // While a prompt is open the terminal gives Ctrl-C to it as a key.
    if (error instanceof Error && error.name === 'ExitPromptError') throw new StopRequested('SIGINT');
    throw error;
  }
}
