import { DigestFormatError } from './digest-error.ts';
import { repeatedMember } from './repeated-member.ts';

/** JSON in UTF-8. Throws a DigestFormatError; the parser's own message would show a part of the text. */
export function parseJson(bytes: Buffer): unknown {
  return parseText(bytes).value;
}

/** The same for what is not signed as it stands: a member that stands twice would be read in two ways. */
export function parseJsonOnce(bytes: Buffer): unknown {
  const { text, value } = parseText(bytes);
  const repeated = repeatedMember(text);
  if (repeated === undefined) return value;
  throw new DigestFormatError(`It has the member ${JSON.stringify(repeated)} twice.`);
}

function parseText(bytes: Buffer): { readonly text: string; readonly value: unknown } {
  try {
    // A byte order mark is kept, so that it is refused as any other byte that the exporter never writes.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    throw new DigestFormatError('It is not JSON in UTF-8.');
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
