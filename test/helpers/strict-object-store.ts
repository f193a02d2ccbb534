/**
 * An S3 server for tests, stricter than the real one where that finds mistakes: it takes no chunk framing, verifies every
 * checksum, pages lists in small pages, and refuses what it does not know. Faults are injected by operation.
 *
 * In a process of its own (`node strict-object-store.js '{"port":0}'`) it prints `{"url":…}` on one line, ends when
 * stdin ends, and is steered over HTTP: `POST /-/faults`, `POST /-/settings`, `GET /-/objects`, `GET /-/requests`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { S3Refusal, StrictBucket, type ObjectVersion } from './strict-s3-bucket.ts';
import {
  checkBody,
  checkSignature,
  hasChecksum,
  readS3Request,
  type S3Request,
} from './strict-s3-request.ts';
import {
  defaultSettings,
  refusalOf,
  type Fault,
  type FaultKind,
  type S3OperationName,
  type StrictSettings,
} from './strict-s3-settings.ts';
import { errorXml, listXml, versionsXml } from './strict-s3-xml.ts';

export interface RecordedRequest {
  readonly operation: S3OperationName;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
}

export interface StrictObjectStore {
  readonly url: string;
  readonly bucket: StrictBucket;
  readonly settings: StrictSettings;
  readonly requests: RecordedRequest[];
  inject(fault: Fault): void;
  /** Takes back what was injected and did not happen yet. */
  forgetFaults(): void;
  /** Current objects by key. */
  objects(): Map<string, Buffer>;
  /** Refuses connections until `resume`, on the same port. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

export interface StrictObjectStoreOptions extends Partial<StrictSettings> {
  readonly port?: number;
}

const hostSuffix = 'localhost';
const keptHeaders =
  /^(content-type|content-encoding|x-amz-(meta-|server-side|storage-class|object-lock|checksum-)|cache-control)/;

export async function startStrictObjectStore(
  options: StrictObjectStoreOptions = {},
): Promise<StrictObjectStore> {
  const store = new StrictServer(options);
  await store.resume();
  return store;
}

class StrictServer implements StrictObjectStore {
  readonly settings: StrictSettings;
  readonly bucket: StrictBucket;
  readonly requests: RecordedRequest[] = [];
  #faults: { fault: Fault; left: number }[] = [];
  #server: Server | undefined;
  #port: number;

  constructor(options: StrictObjectStoreOptions) {
    const { port = 0, ...settings } = options;
    this.#port = port;
    this.settings = { ...defaultSettings(), ...settings };
    this.bucket = new StrictBucket(this.settings);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  inject(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  forgetFaults(): void {
    this.#faults = [];
  }

  objects(): Map<string, Buffer> {
    const { objects } = this.bucket.page({ prefix: '', after: undefined, count: Number.MAX_SAFE_INTEGER });
    return new Map(objects.map(({ key, version }) => [key, version.bytes ?? Buffer.alloc(0)]));
  }

  async suspend(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  async resume(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((message, response) => void this.#answer(message, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    // A server on TCP has an address with a port.
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  close(): Promise<void> {
    return this.suspend();
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (message.url?.startsWith('/-/') === true) {
        await this.#control(message, response);
        return;
      }
      const request = await readS3Request(message, hostSuffix);
      await this.#handle(request, response);
    } catch (error) {
      const refusal = error instanceof S3Refusal ? error : new S3Refusal(500, 'InternalError');
      const body = message.method === 'HEAD' ? '' : errorXml(refusal.code);
      response.writeHead(refusal.status, { 'content-type': 'application/xml', ...refusal.headers }).end(body);
    }
  }

  async #handle(request: S3Request, response: ServerResponse): Promise<void> {
    const operation = operationOf(request);
    this.requests.push({ operation, key: request.key, headers: request.headers, bytes: request.body.length });
    const fault = this.#takeFault(operation, request.key);
    if (fault === 'drop') response.destroy();
    if (fault === 'drop' || fault === 'hang') return;
    const refusal = fault === undefined ? undefined : refusalOf(fault);
    if (refusal !== undefined) throw new S3Refusal(...refusal);
    this.#check(operation, request);
    const answer = this.#perform(operation, request);
    if (fault === 'commit-then-drop') {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
    if (request.method === 'HEAD') response.end();
    else if (fault === 'truncate-body' || fault === 'stall-body') {
      response.write(answer.body.subarray(0, answer.body.length / 2), () => {
        if (fault === 'truncate-body') response.destroy();
      });
    } else response.end(answer.body);
  }

  #takeFault(operation: S3OperationName, key: string): FaultKind | undefined {
    const found = this.#faults.find(
      ({ fault, left }) => left > 0 && fault.operation === operation && key.includes(fault.key ?? ''),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    this.#faults = this.#faults.filter(({ left }) => left > 0);
    return found.fault.kind;
  }

  #check(operation: S3OperationName, request: S3Request): void {
    const { settings } = this;
    checkSignature(request, settings.region);
    checkBody(request);
    if (request.bucket !== settings.bucket) throw new S3Refusal(404, 'NoSuchBucket');
    const owner = request.headers['x-amz-expected-bucket-owner'];
    if (owner !== undefined && owner !== settings.owner) throw new S3Refusal(403, 'AccessDenied');
    if (settings.denied.includes(operation)) throw new S3Refusal(403, 'AccessDenied');
  }

  #perform(operation: S3OperationName, request: S3Request): Answer {
    switch (operation) {
      case 'PutObject':
        return this.#put(request);
      case 'GetObject':
      case 'HeadObject':
        return this.#get(request);
      case 'DeleteObject':
        this.bucket.delete(request.key, request.query.get('versionId') ?? undefined);
        return { status: 204, headers: {}, body: Buffer.alloc(0) };
      case 'ListObjectsV2':
        return this.#list(request);
      case 'ListObjectVersions':
        return this.#listVersions(request);
      default:
        return operation satisfies never;
    }
  }

  #put(request: S3Request): Answer {
    const { headers, body, key } = request;
    this.#checkPut(headers);
    const isConditional = headers['if-none-match'] !== undefined && !this.settings.ignoresConditions;
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => keptHeaders.test(name)));
    this.bucket.isVersioned = this.settings.isVersioned || this.settings.hasObjectLock;
    const version = this.bucket.put(key, { bytes: body, headers: kept, isConditional });
    return { status: 200, headers: versionHeaders(version), body: Buffer.alloc(0) };
  }

  #checkPut(headers: Readonly<Record<string, string>>): void {
    const { settings } = this;
    const condition = headers['if-none-match'];
    if (condition !== undefined && (condition !== '*' || settings.refusesConditions)) {
      throw new S3Refusal(501, 'NotImplemented');
    }
    const newer = Object.keys(headers).some((name) => /^x-amz-(sdk-)?checksum-/.test(name));
    if (newer && settings.refusesChecksums) throw new S3Refusal(400, 'InvalidArgument');
    const lockHeaders = Object.keys(headers).filter((name) => name.startsWith('x-amz-object-lock-'));
    if (lockHeaders.length > 0 && !settings.hasObjectLock) throw new S3Refusal(400, 'InvalidRequest');
    if (settings.hasObjectLock && !hasChecksum(headers)) throw new S3Refusal(400, 'InvalidRequest');
    const { 'x-amz-object-lock-mode': mode, 'x-amz-object-lock-retain-until-date': until } = headers;
    const isLockWhole = (mode === undefined) === (until === undefined);
    if (!isLockWhole || (mode !== undefined && !['GOVERNANCE', 'COMPLIANCE'].includes(mode))) {
      throw new S3Refusal(400, 'InvalidArgument');
    }
    if (until !== undefined && !(Date.parse(until) > Date.now())) throw new S3Refusal(400, 'InvalidArgument');
    const encryption = headers['x-amz-server-side-encryption'];
    const hasKey = headers['x-amz-server-side-encryption-aws-kms-key-id'] !== undefined;
    if (hasKey && encryption !== 'aws:kms') throw new S3Refusal(400, 'InvalidArgument');
  }

  #get(request: S3Request): Answer {
    const versionId = request.query.get('versionId');
    const version =
      versionId === null ? this.bucket.current(request.key) : this.bucket.version(request.key, versionId);
    if (version?.bytes === undefined) {
      // Who may not list is not told what is missing.
      if (this.settings.denied.includes('ListObjectsV2')) throw new S3Refusal(403, 'AccessDenied');
      const marker = this.bucket.versions(request.key).length > 0;
      throw new S3Refusal(404, 'NoSuchKey', marker ? { 'x-amz-delete-marker': 'true' } : {});
    }
    return { status: 200, headers: versionHeaders(version), body: version.bytes };
  }

  #list(request: S3Request): Answer {
    const { query } = request;
    const known = ['list-type', 'prefix', 'max-keys', 'continuation-token', 'x-id', 'encoding-type'];
    if (![...query.keys()].every((name) => known.includes(name))) throw new S3Refusal(501, 'NotImplemented');
    const token = query.get('continuation-token');
    const after = token === null ? undefined : Buffer.from(token, 'base64url').toString();
    const count = Math.min(this.settings.pageKeys, Number(query.get('max-keys') ?? 1000));
    return xml(listXml(this.bucket.page({ prefix: query.get('prefix') ?? '', after, count })));
  }

  #listVersions({ query }: S3Request): Answer {
    const all = this.bucket.allVersions(query.get('prefix') ?? '');
    const [key, versionId] = [query.get('key-marker'), query.get('version-id-marker')];
    const last = all.findIndex((listed) => listed.key === key && listed.version.versionId === versionId);
    if (key !== null && last === -1) throw new S3Refusal(400, 'InvalidArgument');
    const rest = all.slice(last + 1);
    const page = rest.slice(0, this.settings.pageKeys);
    return xml(versionsXml(page, rest.length > page.length));
  }

  async #control(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(message);
    // The other end is a test of the same version.
    if (message.url === '/-/faults') this.inject(JSON.parse(body) as Fault);
    if (message.url === '/-/settings')
      Object.assign(this.settings, JSON.parse(body) as Partial<StrictSettings>);
    const answers: Readonly<Record<string, () => unknown>> = {
      '/-/objects': () =>
        [...this.objects()].map(([key, bytes]) => ({
          key,
          versions: this.bucket.versions(key).length,
          base64: bytes.toString('base64'),
        })),
      '/-/requests': () => this.requests,
    };
    const answer = answers[message.url ?? '']?.() ?? {};
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function operationOf(request: S3Request): S3OperationName {
  const { method, key, query } = request;
  if (key === '' && method === 'GET' && query.get('list-type') === '2') return 'ListObjectsV2';
  if (key === '' && method === 'GET' && query.has('versions')) return 'ListObjectVersions';
  const isMultipart = query.has('uploads') || query.has('uploadId');
  if (key === '' || isMultipart) throw new S3Refusal(501, 'NotImplemented');
  const operations: Readonly<Record<string, S3OperationName>> = {
    PUT: 'PutObject',
    GET: 'GetObject',
    HEAD: 'HeadObject',
    DELETE: 'DeleteObject',
  };
  const operation = operations[method];
  if (operation === undefined) throw new S3Refusal(405, 'MethodNotAllowed');
  return operation;
}

function versionHeaders(version: ObjectVersion): Record<string, string> {
  const shown = version.versionId === 'null' ? {} : { 'x-amz-version-id': version.versionId };
  const { putAtMs } = version;
  const putAt = putAtMs === undefined ? {} : { 'last-modified': new Date(putAtMs).toUTCString() };
  return { ...version.headers, ...shown, ...putAt, etag: version.etag };
}

function xml(body: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: Buffer.from(body) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // The argument is written by the test that spawns this process.
  const options = JSON.parse(process.argv[2] ?? '{}') as StrictObjectStoreOptions;
  const store = await startStrictObjectStore(options);
  process.stdout.write(`${JSON.stringify({ url: store.url })}\n`);
  process.stdin.resume();
  process.stdin.once('end', () => void store.close());
}
