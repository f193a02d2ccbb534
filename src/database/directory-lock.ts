/**
 * One process at a time has a directory: a lock made of Unix sockets in it.
 *
 * Every process that wants the directory puts a listening socket of its own into it, named at random, and only then looks
 * at the others. A socket on which somebody listens accepts connections even while its process is stopped; one that
 * refuses belongs to nobody any more, never will again, and may be removed by anyone. That needs no process ids, which mean
 * nothing across containers, and no name is ever used twice, so removing a dead one can't hit a living one.
 *
 *   candidate ──sees a holder──▶ withdraws: held
 *       │  └────sees a candidate with a lesser name──▶ withdraws, waits for its outcome, begins again
 *       └───────sees candidates with greater names only──▶ waits until they withdrew or hold ──▶ holder
 *
 * Whoever shows itself second sees the first one, so two can't both become holder; the least name always goes on, so one does.
 *
 * Limits: the processes must share a kernel. Containers on one machine that share a volume do; two machines on a network file
 * system do not, and nothing in this file keeps them apart. A path of more than about a hundred bytes does not fit into a socket
 * address, so such a directory is reached through a short symbolic link made for the call; the sockets are in the directory all the same.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rename, rm, symlink, unlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ExporterError } from '../errors.ts';
import { askSocket, listen, type LockServer, type SocketAnswer } from './lock-socket.ts';

/** What a process says about itself to those who find the directory in use. */
export interface Holder {
  /** What it does, e.g. `ccloud-audit run`. Never with arguments, which may hold secrets. */
  readonly command: string;
  /** What the question `status` is answered with: anything JSON can hold. */
  readonly status?: (() => Promise<unknown>) | undefined;
}

export interface DirectoryLock {
  /** Gives the directory back. Idempotent. */
  release(): Promise<void>;
}

/** Who holds a directory. */
export interface HolderAnswer {
  readonly pid: number;
  readonly host: string;
  readonly command: string;
  /** RFC 3339. */
  readonly since: string;
}

interface WhoAnswer extends HolderAnswer {
  readonly state: 'candidate' | 'holder';
}

interface Neighbour {
  readonly name: string;
  /** Undefined when it is alive and does not answer. */
  readonly who: WhoAnswer | undefined;
}

const unknownCandidate: WhoAnswer = {
  pid: 0,
  host: 'unknown',
  command: 'unknown',
  since: 'unknown',
  state: 'candidate',
};

const prefix = 'lock-';
const suffix = '.socket';
const answerTimeoutMs = 1000;
const outcomeTimeoutMs = 10_000;
const pollMs = 20;
// 104 on macOS, 108 on Linux, with a closing zero byte (https://man7.org/linux/man-pages/man7/unix.7.html).
const addressBytesMax = 103;

/** Takes the lock of an existing directory. Throws an ExporterError of kind `held`, code `store_held`, which names the holder. */
export async function acquireDirectoryLock(directory: string, holder?: Holder): Promise<DirectoryLock> {
  const road = await openRoad(directory);
  try {
    const deadline = Date.now() + outcomeTimeoutMs;
    for (;;) {
      const candidate = await announce(road, holder ?? { command: 'ccloud-audit' });
      let hasWon = false;
      try {
        hasWon = await contest(road, candidate, { directory, deadline });
      } finally {
        if (!hasWon) await candidate.withdraw();
      }
      if (hasWon) return { release: () => candidate.withdraw() };
      await outcomeOfOthers(road, deadline);
    }
  } finally {
    await road.close();
  }
}

/**
 * Asks whoever holds the directory. Undefined when nobody does. Throws an ExporterError of code `holder_silent` when there is
 * a holder that does not answer in time, as when its process is stopped.
 */
export async function askHolder(
  directory: string,
  ask: 'who' | 'status',
  options: { readonly timeoutMs: number },
): Promise<unknown> {
  const road = await openRoad(directory);
  try {
    for (const name of await socketNames(road)) {
      const who = await askSocket(road.to(name), 'who', options.timeoutMs);
      if (who.kind === 'silent') throw silent(directory);
      if (who.kind !== 'answer' || readWho(who).state !== 'holder') continue;
      if (ask === 'who') return who.value;
      const answer = await askSocket(road.to(name), ask, options.timeoutMs);
      if (answer.kind === 'silent') throw silent(directory);
      if (answer.kind === 'answer') return answer.value;
    }
    return undefined;
  } finally {
    await road.close();
  }
}

interface Candidate {
  readonly name: string;
  readonly server: LockServer;
  /** Called once everybody else was seen to be no holder. */
  promote(): void;
  withdraw(): Promise<void>;
}

async function announce(road: Road, holder: Holder): Promise<Candidate> {
  const id = randomBytes(8).toString('hex');
  const name = `${prefix}${id}${suffix}`;
  const hidden = road.to(`.${id}`);
  let state: WhoAnswer['state'] = 'candidate';
  const self = {
    pid: process.pid,
    host: os.hostname(),
    command: holder.command,
    since: new Date().toISOString(),
  };
  const server = await listen(hidden, {
    who: () => Promise.resolve({ ...self, state } satisfies WhoAnswer),
    status: async () => (holder.status === undefined ? { ...self, state } : await holder.status()),
  });
  // Between bind and listen a socket refuses, and would be taken for a dead one: it gets its name when it listens.
  await chmod(hidden, 0o600);
  await rename(hidden, path.join(road.directory, name));
  return {
    name,
    server,
    promote: () => {
      state = 'holder';
    },
    withdraw: async () => {
      await remove(path.join(road.directory, name));
      await server.close();
    },
  };
}

/** True when the candidate has become the holder, false when it must withdraw and may try again; throws when it is held. */
async function contest(
  road: Road,
  candidate: Candidate,
  options: { readonly directory: string; readonly deadline: number },
): Promise<boolean> {
  for (;;) {
    const others = await neighbours(road, candidate.name);
    const inTheWay = others.find(({ who }) => who?.state !== 'candidate');
    if (inTheWay !== undefined) throw held(options.directory, inTheWay.who);
    if (others.length === 0) {
      candidate.promote();
      return true;
    }
    if (Date.now() > options.deadline) throw held(options.directory, others[0]?.who);
    if (others.some(({ name }) => name < candidate.name)) return false;
    await wait(pollMs);
  }
}

/** Waits until nobody is a candidate any more: one of them holds the directory then, or none of them wants it. */
async function outcomeOfOthers(road: Road, deadline: number): Promise<void> {
  while (Date.now() < deadline) {
    const others = await neighbours(road);
    if (!others.some(({ who }) => who?.state === 'candidate')) return;
    await wait(pollMs);
  }
}

async function neighbours(road: Road, own?: string): Promise<Neighbour[]> {
  const found: Neighbour[] = [];
  for (const name of await socketNames(road)) {
    if (name === own) continue;
    const answer = await askSocket(road.to(name), 'who', answerTimeoutMs);
    if (answer.kind === 'answer') found.push({ name, who: readWho(answer) });
    if (answer.kind === 'silent') found.push({ name, who: undefined });
    if (answer.kind === 'dead') await remove(path.join(road.directory, name));
    // Probably it is withdrawing. A candidate is what is looked at again.
    if (answer.kind === 'unclear') found.push({ name, who: unknownCandidate });
  }
  return found;
}

async function socketNames(road: Road): Promise<string[]> {
  const names = await readdir(road.directory);
  return names.filter((name) => name.startsWith(prefix) && name.endsWith(suffix)).toSorted();
}

function readWho(answer: SocketAnswer & { readonly kind: 'answer' }): WhoAnswer {
  const value = typeof answer.value === 'object' ? answer.value : undefined;
  const { pid, host, command, since, state } = { ...value } as Readonly<Record<string, unknown>>;
  return {
    pid: typeof pid === 'number' ? pid : 0,
    host: typeof host === 'string' ? host : 'unknown',
    command: typeof command === 'string' ? command : 'unknown',
    since: typeof since === 'string' ? since : 'unknown',
    // What looks different from what this program writes is treated as a holder, which is the safe side.
    state: state === 'candidate' ? 'candidate' : 'holder',
  };
}

function held(directory: string, who: HolderAnswer | undefined): ExporterError {
  const holder =
    who === undefined
      ? 'a process that does not answer (it may be stopped)'
      : `process ${who.pid} on ${who.host} (${who.command}), since ${who.since}`;
  return new ExporterError(
    `The embedded store in ${directory} is in use by ${holder}. Only one process can use it: stop that one, or use a PostgreSQL server.`,
    { kind: 'held', code: 'store_held', retryable: true },
  );
}

function silent(directory: string): ExporterError {
  return new ExporterError(
    `The process that holds the embedded store in ${directory} does not answer; it may be stopped.`,
    { kind: 'held', code: 'holder_silent', retryable: true },
  );
}

async function remove(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/** A way to name files of the directory that is short enough for a socket address; needed only while binding and asking. */
interface Road {
  /** The directory itself, for everything else. */
  readonly directory: string;
  to(name: string): string;
  close(): Promise<void>;
}

async function openRoad(directory: string): Promise<Road> {
  const target = path.resolve(directory);
  const longest = path.join(target, `${prefix}${'0'.repeat(16)}${suffix}`);
  if (Buffer.byteLength(longest) <= addressBytesMax) {
    return { directory: target, to: (name) => path.join(target, name), close: () => Promise.resolve() };
  }
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'ccl-'));
  const link = path.join(scratch, 'd');
  await symlink(target, link);
  return {
    directory: target,
    to: (name) => path.join(link, name),
    close: () => rm(scratch, { recursive: true, force: true }),
  };
}
