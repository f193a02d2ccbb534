import { describe, expect, it, vi } from 'vitest';
import { note, printJson, printListing, type Listing } from '../../src/cli/output.ts';
import { printError } from '../../src/cli/print-error.ts';
import { confirm, readPassword } from '../../src/cli/prompt.ts';
import { createProgress, describeProgress } from '../../src/cli/progress.ts';
import { StopRequested } from '../../src/cli/signals.ts';
import { UsageError } from '../../src/errors.ts';
import { fakeTerminal } from './terminal.ts';

const rows = [
  { name: 'plain', count: 5 },
  { name: '\u001b[2Jevil, "quoted"\nline', count: 12_000 },
];
const listing: Listing<(typeof rows)[number]> = {
  rows,
  columns: [
    { title: 'name', text: (row) => row.name },
    { title: 'count', text: (row) => String(row.count), isNumber: true },
  ],
  json: { rows },
  empty: 'Nothing.',
};

describe('results', () => {
  it('are aligned columns in which nothing moves the cursor', async () => {
    const { context, out } = fakeTerminal();
    await printListing(context, listing);
    expect(out().split('\n')).toEqual([
      'NAME                           COUNT',
      'plain                              5',
      '\\u001b[2Jevil, "quoted"\\nline  12000',
      '',
    ]);
  });

  it('have a bold heading on a terminal, unless NO_COLOR is set', async () => {
    const bright = fakeTerminal({ isTTY: true });
    await printListing(bright.context, listing);
    expect(bright.out()).toContain('\u001b[1m');
    const plain = fakeTerminal({ isTTY: true, env: { NO_COLOR: '1' } });
    await printListing(plain.context, listing);
    expect(plain.out()).not.toContain('\u001b');
  });

  it('are said to be missing on stderr, so that stdout stays empty', async () => {
    const { context, out, err } = fakeTerminal();
    await printListing(context, { ...listing, rows: [] });
    expect([out(), err()]).toEqual(['', 'Nothing.\n']);
  });

  it('are JSON that programs read back exactly', async () => {
    const { context, out } = fakeTerminal({ output: 'json' });
    await printListing(context, listing);
    expect(JSON.parse(out())).toEqual({ rows });
    expect(out()).not.toContain('\u001b');
  });

  it('are CSV with exact values into a pipe and with safe ones onto a terminal', async () => {
    const pipe = fakeTerminal({ output: 'csv' });
    await printListing(pipe.context, listing);
    expect(pipe.out()).toBe('name,count\r\nplain,5\r\n"\u001b[2Jevil, ""quoted""\nline",12000\r\n');
    const terminal = fakeTerminal({ output: 'csv', isTTY: true });
    await printListing(terminal.context, listing);
    expect(terminal.out()).not.toContain('\u001b');
  });

  it('of any other kind are JSON, too', async () => {
    const { context, out } = fakeTerminal();
    await printJson(context, { text: '\u009b' });
    expect(out()).toBe('{\n  "text": "\\u009b"\n}\n');
  });
});

describe('notes', () => {
  it('go to stderr, and nowhere with --quiet', () => {
    const loud = fakeTerminal();
    note(loud.context, 'Done\u001b[2J.');
    expect([loud.out(), loud.err()]).toEqual(['', 'Done\\u001b[2J.\n']);
    const quiet = fakeTerminal({ quiet: true });
    note(quiet.context, 'Done.');
    expect(quiet.err()).toBe('');
  });
});

describe('errors', () => {
  it('are one readable block without a stack', () => {
    const { context, err } = fakeTerminal();
    printError(context, new UsageError('The thing is wrong:\n  do that instead'));
    expect(err()).toBe('error: The thing is wrong:\n  do that instead\n');
  });

  it('that nobody expected say so, with their causes and what shows more', () => {
    const { context, err } = fakeTerminal();
    printError(context, new Error('outer', { cause: new Error('inner') }));
    expect(err()).toBe(
      'error: Something unexpected failed: outer\n  because: inner\n' +
        'This is a defect of the program. --log-level debug shows where it happened.\n',
    );
  });

  it('have a stack at log level debug', () => {
    const { context, err } = fakeTerminal({ logLevel: 'debug' });
    printError(context, new UsageError('wrong'));
    expect(err()).toMatch(/^error: wrong\nUsageError: wrong\n\s+at /);
  });

  it('are one line of JSON with -o json', () => {
    const { context, err } = fakeTerminal({ output: 'json' });
    printError(context, new UsageError('wrong', { code: 'so_wrong' }));
    expect(JSON.parse(err())).toEqual({ error: { kind: 'usage', code: 'so_wrong', message: 'wrong' } });
  });

  it('show neither secrets nor what a server put in to trick a terminal', () => {
    for (const output of ['table', 'json'] as const) {
      const { context, err } = fakeTerminal({ output });
      const cause = new Error('postgres://u:hunter2@h/db \u001b[2J CCDB1_abcdefgh_ABCDEFGHIJKLMNOP');
      printError(context, new Error('x', { cause }));
      expect(err().replaceAll('\n', '')).not.toMatch(/hunter2|ABCDEFGHIJKLMNOP|\p{Cc}/u);
    }
  });

  it('are red on a terminal only', () => {
    const { context, err } = fakeTerminal({ isTTY: true });
    printError(context, new UsageError('wrong'));
    expect(err()).toBe('\u001b[31merror:\u001b[39m wrong\n');
  });
});

describe('questions', () => {
  it('are answered by --yes, and are errors that say so where nobody can be asked', async () => {
    await expect(confirm(fakeTerminal({ yes: true }).context, 'Delete it?')).resolves.toBeUndefined();
    await expect(confirm(fakeTerminal().context, 'Delete it?')).rejects.toThrow(
      'Delete it? Nobody can be asked here: add --yes to go on.',
    );
    await expect(confirm(fakeTerminal({ isTTY: true, noInput: true }).context, 'Delete it?')).rejects.toThrow(
      '--yes',
    );
  });

  it.each([
    ['y', true],
    ['yes', true],
    ['n', false],
    ['', false],
  ])('that a person answers with "%s" go on: %s', async (answer, isAgreed) => {
    const { context, out, err } = fakeTerminal({ isTTY: true });
    const outcome = confirm(context, 'Delete it?').then(
      () => true,
      (error: unknown) => (error instanceof UsageError && error.code === 'declined' ? false : error),
    );
    await vi.waitFor(() => expect(err()).toContain('Delete it?'));
    (context.stdin as unknown as NodeJS.WritableStream).write(`${answer}\n`);
    expect(await outcome).toBe(isAgreed);
    expect(out()).toBe('');
  });

  it('are given up when the program is stopped', async () => {
    const stop = new AbortController();
    const { context, err } = fakeTerminal({ isTTY: true, signal: stop.signal });
    const outcome = confirm(context, 'Delete it?').catch((error: unknown) => error);
    await vi.waitFor(() => expect(err()).toContain('Delete it?'));
    const reason = new StopRequested('SIGTERM');
    stop.abort(reason);
    expect(await outcome).toBe(reason);
  });

  it('ask for a password twice, show none of it, and refuse two different ones', async () => {
    expect(await ask('open sesame', 'open sesame')).toBe('open sesame');
    expect(await ask('open sesame', 'other')).toMatchObject({ message: 'The two passwords differ.' });
  });

  it('take a password from stdin or the environment', async () => {
    const piped = fakeTerminal();
    (piped.context.stdin as unknown as NodeJS.WritableStream).end('p a$$\r\nsecond line\n');
    expect(await readPassword(piped.context, { fromStdin: true, message: 'Password:' })).toBe('p a$$');
    const named = fakeTerminal({ env: { COCKROACH_SQL_PASSWORD: 'from-environment' } });
    expect(await readPassword(named.context, { fromStdin: false, message: 'Password:' })).toBe(
      'from-environment',
    );
    await expect(
      readPassword(fakeTerminal().context, { fromStdin: false, message: 'Password:' }),
    ).rejects.toThrow('use --password-stdin or the variable COCKROACH_SQL_PASSWORD');
  });
});

describe('progress', () => {
  it('tells count, rate, share and time left', () => {
    expect(describeProgress({ done: 12_000, fraction: 0.25 }, 4000, 'entries')).toBe(
      '12,000 entries, 3,000/s, 25%, 12s left',
    );
    expect(describeProgress({ done: 0, fraction: undefined }, 0, 'entries')).toBe('0 entries, 0/s');
    expect(describeProgress({ done: 5, fraction: 0.001 }, 60_000, 'entries')).toBe('5 entries, 0/s, 0%');
    expect(describeProgress({ done: 500, fraction: 0.02 }, 600_000, 'entries')).toBe(
      '500 entries, 1/s, 2%, 8h 10m left',
    );
  });

  it('is a line every ten seconds where there is no terminal, and one at the end', async () => {
    let now = 0;
    const { context, err } = fakeTerminal();
    const progress = await createProgress(context, { label: 'backfill', unit: 'entries', now: () => now });
    for (const second of [1, 5, 10, 12, 19, 20, 21]) {
      now = second * 1000;
      progress.report({ done: second * 100, fraction: undefined });
    }
    progress.stop();
    progress.stop();
    expect(err().split('\n')).toEqual([
      'backfill: 1,000 entries, 100/s',
      'backfill: 2,000 entries, 100/s',
      'backfill: 2,100 entries, 100/s',
      '',
    ]);
  });

  it('is a bar on a terminal that leaves no timer behind, and nothing with --quiet', async () => {
    const { context, out, err } = fakeTerminal({ isTTY: true });
    const progress = await createProgress(context, { label: 'backfill', unit: 'entries' });
    progress.report({ done: 10, fraction: 1 });
    progress.stop();
    expect(err()).toMatch(/backfill \[=+\] 10 entries/);
    expect(out()).toBe('');
    const quiet = fakeTerminal({ isTTY: true, quiet: true });
    const silent = await createProgress(quiet.context, { label: 'backfill', unit: 'entries' });
    silent.report({ done: 10, fraction: 1 });
    silent.stop();
    expect(quiet.err()).toBe('');
  });
});

/** What comes of two answers to the question for a password. */
async function ask(first: string, second: string): Promise<unknown> {
  const { context, err } = fakeTerminal({ isTTY: true });
  const stdin = context.stdin as unknown as NodeJS.WritableStream;
  const outcome = readPassword(context, { fromStdin: false, message: 'Password:' }).catch(
    (error: unknown) => error,
  );
  await vi.waitFor(() => expect(err()).toContain('Password:'));
  stdin.write(`${first}\n`);
  await vi.waitFor(() => expect(err()).toContain('Again:'));
  stdin.write(`${second}\n`);
  const result = await outcome;
  expect(err()).not.toContain(first);
  return result;
}
