import { isUtf8 } from 'node:buffer';
import { cutOff, malformed, skipSpace, skipValue } from './json-scan.ts';

/** A JSON object of the API: every field is kept, none is promised. */
export interface JsonObject {
  readonly [field: string]: unknown;
}

/** The body as JSON. Throws an `UnusableBodyError` that tells a cut body from one that is not JSON. */
export function readJson(body: Buffer): unknown {
  checkText(body);
  const start = skipSpace(body, 0);
  const { end } = skipValue(body, start);
  if (skipSpace(body, end) !== body.length) throw malformed('the body is not JSON');
  return parseSlice(body, start, end);
}

/** The body as a JSON object. */
export function readJsonObject(body: Buffer): JsonObject {
  const value = readJson(body);
  if (!isJsonObject(value)) throw malformed('the body is not a JSON object');
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws when the body is empty or not UTF-8; decoding would replace what is invalid, and so alter entries. */
export function checkText(body: Buffer): void {
  if (body.length === 0) throw cutOff();
  if (!isUtf8(body)) throw malformed('the body is not UTF-8');
}

/** `JSON.parse` of a part of the body. The engine's own error is not kept: it quotes the text. */
export function parseSlice(body: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(body.toString('utf8', start, end)) as unknown;
  } catch {
    throw malformed('the body is not JSON');
  }
}
