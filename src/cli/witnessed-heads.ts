import { UsageError } from '../errors.ts';
import type { CommandInput } from './command.ts';

/** The payload SHA-256 of digests that logs have witnessed (`--head`). Throws a UsageError for anything else. */
export function witnessedHeads(input: CommandInput): string[] {
  const heads = input.list('head');
  const wrong = heads.find((head) => !/^[0-9a-f]{64}$/i.test(head));
  if (wrong === undefined) return heads.map((head) => head.toLowerCase());
  throw new UsageError(`--head must be a SHA-256 of 64 hex digits, as the logs show it, not "${wrong}".`, {
    code: 'option_invalid',
  });
}
