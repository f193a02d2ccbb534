/** One database by URL: `postgres://…` is a server, `pglite:./directory` is embedded. */
import path from 'node:path';
import { UsageError } from '../errors.ts';
import type { Database } from './database.ts';
import type { Holder } from './directory-lock.ts';
import { openPglite } from './pglite.ts';
import { openPostgres, type PostgresOptions } from './postgres.ts';

export interface OpenDatabaseOptions extends PostgresOptions {
  /** What others are told who find the embedded database in use. */
  readonly holder?: Holder | undefined;
  /** Whether an embedded database is made where there is none. Default true. */
  readonly create?: boolean | undefined;
}

/** Throws a UsageError for the URL, a DatabaseError for the database, and an ExporterError of kind `held`. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  const directory = embeddedDirectory(options.url);
  if (directory !== undefined) return await openPglite({ ...options, directory });
  if (/^postgres(?:ql)?:/.test(options.url)) return await openPostgres(options);
  throw new UsageError(
    'The database URL must begin with postgres:// or postgresql://, or be pglite: and a directory.',
  );
}

/** The directory of a `pglite:` URL, absolute, or undefined for any other URL. */
export function embeddedDirectory(url: string): string | undefined {
  if (!url.startsWith('pglite:')) return undefined;
  const directory = url.slice('pglite:'.length).replace(/^\/\/(?=[^/]|\/)/, '');
  if (directory === '') throw new UsageError('The URL pglite: names no directory; write pglite:./directory.');
  return path.resolve(directory);
}
