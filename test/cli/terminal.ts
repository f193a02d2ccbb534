import { PassThrough } from 'node:stream';
import { createContext, type CliContext, type ContextOptions } from '../../src/cli/context.ts';

export interface FakeTerminal {
  readonly context: CliContext;
  /** What was written so far. */
  readonly out: () => string;
  readonly err: () => string;
}

type TerminalOptions = Partial<Omit<ContextOptions, 'process'>> & {
  readonly isTTY?: boolean;
  readonly env?: Readonly<Record<string, string>>;
};

/** A context whose streams are in memory, so that what a terminal would get can be read. */
export function fakeTerminal({ isTTY = false, env = {}, ...options }: TerminalOptions = {}): FakeTerminal {
  const stdout = collect();
  const stderr = collect();
  // Streams in memory stand in for the process's; what is used of them is all there.
  const stream = (from: PassThrough): NodeJS.WriteStream =>
    Object.assign(from, { isTTY }) as unknown as NodeJS.WriteStream;
  const stdin = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.ReadStream;
  const context = createContext({
    process: {
      env,
      stdin,
      stdout: stream(stdout.stream),
      stderr: stream(stderr.stream),
    } as ContextOptions['process'],
    signal: new AbortController().signal,
    noInput: false,
    yes: false,
    quiet: false,
    output: 'table',
    configPath: undefined,
    logLevel: undefined,
    ...options,
  });
  return { context, out: stdout.text, err: stderr.text };
}

function collect(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  // The process's own streams are not ended by what is piped into them, and neither is this one.
  stream.end = () => stream;
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
