/** Reads a request as strictly as S3 may: signature version 4, payload hash, checksums, no chunk framing. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { S3Refusal } from './strict-s3-bucket.ts';

export interface S3Request {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const unsigned = 'UNSIGNED-PAYLOAD';
const authorization =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=[0-9a-f]{64}$/;

export async function readS3Request(message: IncomingMessage, hostSuffix: string): Promise<S3Request> {
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, String(value)]),
  );
  const url = new URL(message.url ?? '/', 'http://host');
  const path = decodeURIComponent(url.pathname).slice(1);
  const hostName = (headers['host'] ?? '').replace(/:\d+$/, '');
  const body = await buffer(message);
  const common = { method: message.method ?? '', query: url.searchParams, headers, body };
  if (hostName.endsWith(`.${hostSuffix}`)) {
    return { ...common, bucket: hostName.slice(0, -hostSuffix.length - 1), key: path };
  }
  const slash = path.indexOf('/');
  if (slash === -1) return { ...common, bucket: path, key: '' };
  return { ...common, bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

/** The headers that a signature needs, and its region; whether the signature itself is right is not checked. */
export function checkSignature(request: S3Request, region: string): void {
  const { headers } = request;
  if (headers['authorization'] === undefined) throw new S3Refusal(403, 'AccessDenied');
  const [, , day = '', signedRegion, signed = ''] = authorization.exec(headers['authorization']) ?? [];
  const date = headers['x-amz-date'] ?? '';
  if (signedRegion === undefined || !/^\d{8}T\d{6}Z$/.test(date) || !date.startsWith(day)) {
    throw new S3Refusal(400, 'AuthorizationHeaderMalformed');
  }
  if (signedRegion !== region) {
    throw new S3Refusal(301, 'PermanentRedirect', { 'x-amz-bucket-region': region });
  }
  const signedNames = signed.split(';');
  const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  if (!mustBeSigned.every((name) => signedNames.includes(name))) throw new S3Refusal(403, 'AccessDenied');
}

export function checkBody(request: S3Request): void {
  const { headers, body } = request;
  const contentSha256 = headers['x-amz-content-sha256'];
  if (contentSha256 === undefined) throw new S3Refusal(400, 'MissingSecurityHeader');
  if (contentSha256.startsWith('STREAMING-') || (headers['content-encoding'] ?? '').includes('aws-chunked')) {
    throw new S3Refusal(501, 'NotImplemented');
  }
  if (contentSha256 !== unsigned && contentSha256 !== createHash('sha256').update(body).digest('hex')) {
    throw new S3Refusal(400, 'XAmzContentSHA256Mismatch');
  }
  if (headers['x-amz-trailer'] !== undefined) throw new S3Refusal(501, 'NotImplemented');
  for (const [name, actual] of checksums) {
    const claimed = headers[name];
    if (claimed !== undefined && claimed !== actual(body)) throw new S3Refusal(400, 'BadDigest');
  }
  const unknown = Object.keys(headers).find(
    (name) => name.startsWith('x-amz-checksum-') && name !== 'x-amz-checksum-mode' && !checksums.has(name),
  );
  if (unknown !== undefined) throw new S3Refusal(501, 'NotImplemented');
}

/** Whether something in the headers says what the body should be. */
export function hasChecksum(headers: Readonly<Record<string, string>>): boolean {
  return [...checksums.keys()].some((name) => headers[name] !== undefined);
}

const checksums = new Map<string, (body: Buffer) => string>([
  ['content-md5', (body) => createHash('md5').update(body).digest('base64')],
  ['x-amz-checksum-sha256', (body) => createHash('sha256').update(body).digest('base64')],
  ['x-amz-checksum-sha1', (body) => createHash('sha1').update(body).digest('base64')],
  ['x-amz-checksum-crc32', crc32Base64],
]);

function crc32Base64(body: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return sum.toString('base64');
}
