import { UsageError } from '../errors.ts';
import { formatTimestamp, parseTimestamp, type Nanos } from '../time.ts';
import { isObject, jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { SandboxControl } from './control.ts';
import type { NewEntry } from './sandbox.ts';
import { trapNames } from './traps.ts';

/**
 * What a test in another process can ask of the sandbox; offered on loopback addresses only.
 *
 *     GET  /sandbox/truth      one JSON line per entry, in order of created_at: created_at, id, sha256, late, bytes
 *     GET  /sandbox/requests   the last requests to the API        GET /sandbox/traps   the traps there are
 *     POST /sandbox/traps      {"traps": ["inclusive", "reset=0.05"]}
 *     POST /sandbox/append     {"count": 3} or {"entries": [{"createdAt": "…", "raw": "{…}"}]}
 *     POST /sandbox/key        {"revoked": true}                   POST /sandbox/advance {"ms": 60000}
 */
export function createControlEndpoint(
  control: SandboxControl,
): (method: string, url: URL, body: unknown) => Answer {
  const operations: Readonly<Record<string, (body: unknown) => Answer>> = {
    'GET /sandbox/truth': () => ({
      status: 200,
      headers: { 'content-type': 'application/x-ndjson' },
      body: Buffer.concat([...control.truthLines()]),
    }),
    'GET /sandbox/requests': () => jsonAnswer({ requests: control.requests(), counters: control.counters() }),
    'GET /sandbox/traps': () => jsonAnswer({ traps: trapNames }),
    'POST /sandbox/traps': (body) => {
      control.setTraps(member(body, 'traps', isTextList));
      return jsonAnswer({});
    },
    'POST /sandbox/append': (body) => appended(control, body),
    'POST /sandbox/key': (body) => {
      if (member(body, 'revoked', (value) => typeof value === 'boolean')) control.revokeKey();
      else control.restoreKey();
      return jsonAnswer({});
    },
    'POST /sandbox/advance': (body) => {
      control.advance(member(body, 'ms', (value) => typeof value === 'number'));
      return jsonAnswer({});
    },
  };
  return (method, url, body) => {
    const operation = operations[`${method} ${url.pathname}`];
    if (operation === undefined) throw new Refusal('notFound', 'Not Found');
    try {
      return operation(body);
    } catch (thrown) {
      if (thrown instanceof UsageError) throw new Refusal('invalidArgument', thrown.message);
      throw thrown;
    }
  };
}

function appended(control: SandboxControl, body: unknown): Answer {
  const entries =
    isObject(body) && body['entries'] !== undefined
      ? member(body, 'entries', (value) => Array.isArray(value)).map(newEntry)
      : Array.from({ length: member(body, 'count', isCount) }, () => ({}));
  const added = control.append(entries);
  return jsonAnswer({
    entries: added.map(({ id, createdAt }) => ({ id, created_at: formatTimestamp(createdAt as Nanos) })),
  });
}

function newEntry(value: unknown): NewEntry {
  if (!isObject(value)) throw new Refusal('invalidArgument', 'an entry is an object');
  const { createdAt, raw, fields } = value;
  const time = typeof createdAt === 'string' ? parseTimestamp(createdAt) : undefined;
  if (createdAt !== undefined && time === undefined) {
    throw new Refusal('invalidArgument', 'createdAt is an RFC 3339 timestamp');
  }
  return {
    ...(time === undefined ? {} : { createdAt: time }),
    ...(typeof raw === 'string' ? { raw } : {}),
    ...(isObject(fields) ? { fields } : {}),
  };
}

function member<T>(body: unknown, name: string, test: (value: unknown) => value is T): T {
  const value = isObject(body) ? body[name] : undefined;
  if (!test(value)) throw new Refusal('invalidArgument', `"${name}" is missing or of the wrong kind`);
  return value;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 100_000;
}
