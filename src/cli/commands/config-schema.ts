import { jsonSchema } from '../../../config/schema.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../output.ts';

export async function run(context: CliContext): Promise<ExitCode> {
  await printJson(context, jsonSchema());
  return exitCodes.done;
}
