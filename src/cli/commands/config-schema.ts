import { editorSchema } from '../../../config/editor-schema.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../output.ts';

export async function run(context: CliContext): Promise<ExitCode> {
  await printJson(context, editorSchema());
  return exitCodes.done;
}
