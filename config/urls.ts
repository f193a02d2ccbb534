/** Where secrets may be sent to: each function says what is wrong with a URL, or undefined. Never repeats one. */

import { checkPostgresUrl, parsePostgresUrl, postgresFingerprint } from '../src/database/postgres-url.ts';

/** The API key goes only to https or to loopback. */
export function checkApiUrl(text: string): string | undefined {
  const url = parseUrl(text);
  if (url === undefined) return 'is not a URL such as https://cockroachlabs.cloud';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or password';
  if (url.search !== '' || url.hash !== '') return 'must end before any ? or #';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol === 'http:' && isLoopback(url.hostname)) return undefined;
  return 'must be https, or http on loopback: the API key would cross the network readably';
}

/** An object store's endpoint: http is a choice that its credentials survive, since requests are signed. */
export function checkEndpoint(text: string): string | undefined {
  const url = parseUrl(text);
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return 'is not a URL such as https://s3.example.com';
  return url.username !== '' || url.password !== '' ? 'must not hold a user or password' : undefined;
}

/** A PostgreSQL or CockroachDB URL; one to another host names its `sslmode`. */
export function checkDatabaseUrl(text: string): string | undefined {
  return checkPostgresUrl(text)
    ?.replace(/^The PostgreSQL URL /, '')
    .replace(/\.$/, '');
}

/** What tells one database from another; undefined for the embedded one and for what can't be read. */
export function databaseFingerprint(text: string): string | undefined {
  return checkPostgresUrl(text) === undefined ? postgresFingerprint(parsePostgresUrl(text)) : undefined;
}

/** A database URL without user and password; undefined for what is none. */
export function describeDatabaseUrl(text: string): string | undefined {
  if (text.startsWith('pglite:')) return text;
  if (checkPostgresUrl(text) !== undefined) return undefined;
  const target = parsePostgresUrl(text);
  return `postgres://${postgresFingerprint(target)}?sslmode=${target.sslMode}`;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
