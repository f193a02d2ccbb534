import { open } from 'node:fs/promises';
import { starterFile } from '../../../config/starter.ts';
import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note, write } from '../output.ts';

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const path = input.argument('file');
  // As with many tools, a dash is stdout and no file of that name.
  if (path === undefined || path === '-') {
    await write(context, starterFile);
    return exitCodes.done;
  }
  await writeNewFile(path, starterFile);
  note(context, `Wrote ${path}. Set COCKROACH_API_KEY, then try: ccloud-audit config check --config ${path}`);
  return exitCodes.done;
}

async function writeNewFile(path: string, text: string): Promise<void> {
  try {
    // Somebody will put a secret into it one day, so nobody else may read it.
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new UsageError(
      isThere
        ? `${path} exists already and was left as it is; name another file.`
        : `${path} can't be written: ${error instanceof Error ? error.message : String(error)}.`,
      { code: isThere ? 'file_exists' : 'file_unwritable', cause: error },
    );
  }
}
