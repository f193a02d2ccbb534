/** A PostgreSQL server of a test's own, which it may stop, kill and start again. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { plantedDatabasePassword } from './planted-secrets.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';

export interface PostgresServerOptions {
  /** Default: one that is free. */
  readonly port?: number;
  /** Default: a temporary directory that the last `stop` removes. A directory that is given is kept. */
  readonly dataDirectory?: string;
  /** Default false: tests that cut no power need none. */
  readonly fsync?: boolean;
  /** Further settings, `name=value`. */
  readonly settings?: readonly string[];
  /** Hears the server's log. */
  readonly onLog?: (text: string) => void;
}

export interface PostgresServer {
  /** Leads to the database `postgres` as its superuser, on loopback; its password is there to be found where it leaks. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** The directory of its Unix socket. */
  readonly socketDirectory: string;
  /** Ends it and removes what it left. `immediate` is a crash with a signal handler. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** SIGKILL. Its data stays; `restart` recovers it. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data, after `kill`, or by stopping it first. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
}

const run = promisify(execFile);
const superuser = 'postgres';

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const binaries = await findPostgresBinaries();
  const home = await mkdtemp(path.join(os.tmpdir(), 'postgres-'));
  const data = options.dataDirectory ?? path.join(home, 'data');
  const sockets = path.join(home, 'run');
  for (const directory of [data, sockets]) await mkdir(directory, { recursive: true, mode: 0o700 });
  if (binaries.user !== undefined) {
    for (const directory of [home, data, sockets]) {
      await chown(directory, binaries.user.uid, binaries.user.gid);
    }
  }
  await initialize(binaries, data, home);
  const port = options.port ?? (await freePort());
  const start = (): Promise<ChildProcess> => launch(binaries, { data, sockets, port, options });
  let running = await start();

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    await exited;
  }
  return {
    url: `postgres://${superuser}:${plantedDatabasePassword}@127.0.0.1:${port}/postgres`,
    port,
    get pid(): number {
      return running.pid ?? 0;
    },
    socketDirectory: sockets,
    async stop(mode = 'immediate') {
      await end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
      if (binaries.copiedTo !== undefined) await rm(binaries.copiedTo, { recursive: true, force: true });
    },
    async kill() {
      await end('SIGKILL');
    },
    async restart(mode = 'fast') {
      await end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      running = await start();
    },
  };
}

async function initialize(binaries: PostgresBinaries, data: string, cwd: string): Promise<void> {
  const flags = ['--no-sync', '--no-instructions', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  await run(binaries.initdb, [...flags, `--username=${superuser}`, `--pgdata=${data}`], {
    cwd,
    ...binaries.user,
  });
}

interface LaunchOptions {
  readonly data: string;
  readonly sockets: string;
  readonly port: number;
  readonly options: PostgresServerOptions;
}

async function launch(binaries: PostgresBinaries, launchOptions: LaunchOptions): Promise<ChildProcess> {
  const { data, sockets, port, options } = launchOptions;
  const durability = options.fsync === true ? 'on' : 'off';
  const settings = [
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${sockets}`,
    `fsync=${durability}`,
    `full_page_writes=${durability}`,
    'max_connections=200',
    'shared_buffers=64MB',
    'timezone=Pacific/Chatham',
    'datestyle=German',
    ...(options.settings ?? []),
  ];
  const child = spawn(
    binaries.postgres,
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { cwd: data, stdio: ['ignore', 'ignore', 'pipe'], ...binaries.user },
  );
  endWithThisProcess(child);
  await ready(child);
  const { onLog } = options;
  if (onLog !== undefined) child.stderr?.on('data', (text: string) => onLog(text));
  return child;
}

/** A server must not outlive a test run that was killed, so a small process of its own watches over it. */
function endWithThisProcess(child: ChildProcess): void {
  const watch = `process.stdin.resume().on('end', () => { try { process.kill(${child.pid}, 'SIGQUIT'); } catch {} process.exit(); });`;
  const guard = spawn(process.execPath, ['-e', watch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  const pipe = guard.stdin as (typeof guard.stdin & { unref(): void }) | null;
  pipe?.unref();
  child.once('exit', () => {
    guard.kill('SIGKILL');
  });
}

async function ready(child: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-10_000);
      if (log.includes('ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`PostgreSQL ended while starting:\n${log}`)));
  });
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A listening server has no port');
  return address.port;
}
