import { toError } from '../src/errors.ts';
import { isGroup } from './cross-checks.ts';
import type { KeyPath, Problem } from './problem.ts';
import { readSecretFile } from './secret.ts';

const secretKeys = ['apiKey', 'url', 'key'] as const;

export interface FilledDocument {
  readonly document: unknown;
  readonly problems: readonly Problem[];
}

/**
 * Puts the text of every `xFile` beside it as `x`, so that the schema judges a secret in one way wherever it came
 * from. Only groups that may hold secrets are looked at: organizations, store, signing and sinks.
 */
export async function readSecretFiles(document: unknown): Promise<FilledDocument> {
  if (!isGroup(document)) return { document, problems: [] };
  const problems: Problem[] = [];
  const filled: Record<string, unknown> = { ...document };
  for (const section of ['store', 'signing']) {
    if (section in filled) filled[section] = await fillGroup(filled[section], [section], problems);
  }
  for (const section of ['organizations', 'sinks']) {
    const items = filled[section];
    if (!Array.isArray(items)) continue;
    filled[section] = await Promise.all(
      items.map((item: unknown, index) => fillGroup(item, [section, index], problems)),
    );
  }
  return { document: filled, problems };
}

async function fillGroup(group: unknown, path: KeyPath, problems: Problem[]): Promise<unknown> {
  if (!isGroup(group)) return group;
  const filled: Record<string, unknown> = { ...group };
  for (const key of secretKeys) {
    const file = group[`${key}File`];
    if (typeof file !== 'string' || file === '') continue;
    if (key in group) {
      problems.push({ path: [...path, `${key}File`], message: `is set beside ${key}; keep one of them` });
      continue;
    }
    try {
      filled[key] = await readSecretFile(file);
    } catch (error) {
      const message = toError(error)
        .message.replace(/^The file /, 'names the file ')
        .replace(/\.$/, '');
      problems.push({ path: [...path, `${key}File`], message: message.replace(" can't", ", which can't") });
    }
  }
  return filled;
}
