/**
 * Connection URLs of PostgreSQL and CockroachDB. Read here and not by the driver, because the driver's meaning of
 * `sslmode` is its own and changes between versions. Ours is that of libpq, so a URL means what it means to `psql`
 * (https://www.postgresql.org/docs/current/libpq-ssl.html):
 *
 *   disable      no TLS
 *   require      TLS, the certificate is not checked; with `sslrootcert` it is, as under verify-ca
 *   verify-ca    the certificate must come from an authority in `sslrootcert`
 *   verify-full  and it must be made out to the host; without `sslrootcert` the authorities that Node knows count
 *
 * `allow` and `prefer` fall back to plain text and are refused. Only verify-full keeps out somebody in the middle.
 * No message in this file repeats the URL, since it may hold a password.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { UsageError } from '../errors.ts';

export interface PostgresTarget {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Undefined leaves it to PGUSER, then to the name of the operating system's user. */
  readonly user: string | undefined;
  /** Undefined leaves it to PGPASSWORD. */
  readonly password: string | undefined;
  readonly sslMode: SslMode;
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  /** The startup option `options`, as CockroachDB's `--cluster=…` uses it. */
  readonly options: string | undefined;
}

export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

// `application_name` and `connect_timeout` are ours to say and are accepted only because providers print them into URLs.
const knownParameters = [
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'host',
  'port',
  'user',
  'password',
  'options',
  'application_name',
  'connect_timeout',
] as const;

/** A sentence that says what is wrong with the URL and what to do, or undefined. Never quotes the URL. */
export function checkPostgresUrl(url: string): string | undefined {
  try {
    parsePostgresUrl(url);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** Reads a URL; throws a UsageError with the sentence of `checkPostgresUrl`. */
export function parsePostgresUrl(url: string): PostgresTarget {
  const parsed = parseUrl(url);
  const parameters = parsed.searchParams;
  checkParameters(parameters);
  const host = parameters.get('host') ?? decode(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  if (host === '') refuse('names no host; write localhost, or ?host=/directory for a Unix socket');
  if (host.includes(',')) refuse('names several hosts; name one');
  const database = decode(parsed.pathname.slice(1));
  if (database === '') refuse('names no database; end it with /name');
  const sslRootCert = parameters.get('sslrootcert') ?? undefined;
  const sslMode = readSslMode(parameters.get('sslmode'), isLocal(host), sslRootCert);
  return {
    host,
    port: readPort(parameters.get('port') ?? parsed.port),
    database,
    user: parameters.get('user') ?? (decode(parsed.username) || undefined),
    password: parameters.get('password') ?? (decode(parsed.password) || undefined),
    sslMode,
    sslRootCert,
    sslCert: parameters.get('sslcert') ?? undefined,
    sslKey: parameters.get('sslkey') ?? undefined,
    options: parameters.get('options') ?? undefined,
  };
}

/** Host, port and database: what tells one database from another. */
export function postgresFingerprint(target: PostgresTarget): string {
  const host = isIP(target.host) === 6 ? `[${target.host}]` : target.host;
  return `${host.startsWith('/') ? host : host.toLowerCase()}:${target.port}/${target.database}`;
}

/** What `tls.connect` needs, or false for no TLS. Reads the certificate files. */
export function tlsOptions(target: PostgresTarget): ConnectionOptions | false {
  if (target.sslMode === 'disable') return false;
  const files: ConnectionOptions = {
    ...readCertificate('ca', target.sslRootCert === 'system' ? undefined : target.sslRootCert),
    ...readCertificate('cert', target.sslCert),
    ...readCertificate('key', target.sslKey),
  };
  if (target.sslMode === 'verify-full') return { ...files, rejectUnauthorized: true };
  if (target.sslRootCert === undefined) return { ...files, rejectUnauthorized: false };
  return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined };
}

function parseUrl(url: string): URL {
  // A URL without a host (postgres://user@/db?host=/run/postgresql) is valid for libpq, but not for the URL class.
  const candidate = [url, url.replace('@/', '@socket/')].find((text) => URL.canParse(text));
  const parsed = candidate === undefined ? null : new URL(candidate);
  if (parsed === null) {
    return refuse(
      'cannot be read; write postgres://user@host:5432/database and percent-encode special characters in the password',
    );
  }
  if (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:') {
    return refuse('does not begin with postgres:// or postgresql://');
  }
  return parsed;
}

function checkParameters(parameters: URLSearchParams): void {
  const known: readonly string[] = knownParameters;
  const unknown = [...new Set(parameters.keys())].filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    refuse(`has parameters that are not supported: ${unknown.join(', ')}; known are ${known.join(', ')}`);
  }
}

function readSslMode(text: string | null, isLocalHost: boolean, sslRootCert: string | undefined): SslMode {
  if (text === null) {
    if (isLocalHost) return 'disable';
    return refuse(
      'leads to another machine and must say how the connection is protected; add ?sslmode=verify-full (or verify-ca, require, disable)',
    );
  }
  const mode = sslModes.find((name) => name === text);
  if (mode === undefined) return refuse(`has an sslmode that is not supported; use ${sslModes.join(', ')}`);
  if (mode === 'verify-ca' && sslRootCert === undefined) {
    return refuse(
      'says sslmode=verify-ca, which needs the authority: add &sslrootcert=FILE or use verify-full',
    );
  }
  if (sslRootCert === 'system' && mode !== 'verify-full') {
    return refuse('says sslrootcert=system, which is safe only with sslmode=verify-full');
  }
  return mode;
}

function readPort(text: string): number {
  if (text === '') return 5432;
  const port = Number(text);
  return /^\d+$/.test(text) && port >= 1 && port <= 65_535
    ? port
    : refuse('has a port that is not a number up to 65535');
}

function isLocal(host: string): boolean {
  return (
    host.startsWith('/') ||
    host.toLowerCase() === 'localhost' ||
    host === '::1' ||
    /^127(?:\.\d+){3}$/.test(host)
  );
}

function readCertificate(name: 'ca' | 'cert' | 'key', path: string | undefined): ConnectionOptions {
  if (path === undefined) return {};
  try {
    return { [name]: readFileSync(path) };
  } catch (error) {
    throw new UsageError(`The file ${path}, named by the PostgreSQL URL, cannot be read.`, { cause: error });
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('has a percent sign that is not part of an encoding; write %25');
  }
}

function refuse(problem: string): never {
  throw new UsageError(`The PostgreSQL URL ${problem}.`);
}
