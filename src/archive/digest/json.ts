import { DigestFormatError } from './digest-error.ts';

/** JSON in UTF-8. Throws a DigestFormatError; the parser's own message would show a part of the text. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new DigestFormatError('It is not JSON in UTF-8.');
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
