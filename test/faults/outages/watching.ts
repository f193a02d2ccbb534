/** Looks at a world's store while the program works, without the program. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../../src/database/database.ts';
import type { Status } from '../../../src/exporter/status.ts';
import { withDatabase } from '../harness/held.ts';
import type { HowToRun, World } from '../harness/world.ts';

export interface SinkState {
  readonly offset: number;
  /** The ledger's last sequence. */
  readonly head: number;
  /** Undefined: nothing is wrong, as far as the store knows. */
  readonly code: string | undefined;
  readonly isStopped: boolean;
}

const selectState = `SELECT d.acknowledged, o.next_sequence - 1 AS head, d.failure_code, d.is_stopped
  FROM ccloud_audit.deliveries d JOIN ccloud_audit.organizations o ON o.id = d.organization
  WHERE o.name = 'acme' AND d.sink = $1`;

export async function sinkState(database: Database, sink: string): Promise<SinkState | undefined> {
  const { rows } = await database.query<{
    acknowledged: string;
    head: string;
    failure_code: string | null;
    is_stopped: boolean;
  }>(selectState, [sink]);
  return rows.map((row) => ({
    offset: Number(row.acknowledged),
    head: Number(row.head),
    code: row.failure_code ?? undefined,
    isStopped: row.is_stopped,
  }))[0];
}

/** Every sink holds at least `head` entries, and nothing is wrong with it. */
export async function holdsAll(
  database: Database,
  { sinks, head }: { readonly sinks: readonly string[]; readonly head: number },
): Promise<boolean> {
  const states = await Promise.all(sinks.map((sink) => sinkState(database, sink)));
  return states.every((state) => state !== undefined && state.offset >= head && state.code === undefined);
}

/** Every sink of the world does. */
export async function isHeld(world: World, head: number): Promise<boolean> {
  const { sinks, database: place } = world;
  return await withDatabase(place.url, (database) => holdsAll(database, { sinks, head }));
}

/** Asks until it is so; after `timeoutMs` it throws, with what was waited for. A question that fails counts as no. */
export async function until(what: string, isSo: () => Promise<boolean>, timeoutMs = 60_000): Promise<number> {
  const started = performance.now();
  let trouble = '';
  for (;;) {
    try {
      if (await isSo()) return performance.now() - started;
    } catch (error) {
      trouble = ` (${String(error)})`;
    }
    if (performance.now() - started > timeoutMs)
      throw new Error(`not within ${timeoutMs / 1000} s: ${what}${trouble}`);
    await delay(100);
  }
}

/** What `status` tells, with its exit code. */
export async function readStatus(
  world: World,
  how: HowToRun = {},
): Promise<{ readonly exitCode: number | null; readonly status: Status }> {
  const { exitCode, stdout, stderr } = await world.run(['status', '-o', 'json'], how);
  if (stdout === '') throw new Error(`status ended with ${exitCode} and told nothing: ${stderr.slice(-600)}`);
  // The program was built from the same sources.
  return { exitCode, status: JSON.parse(stdout) as Status };
}

/** Attacks a world whose log grows until the attack says that it is enough, and disposes of it. */
export async function whileGrowing<T>(
  world: World,
  attack: (stopGrowing: () => void) => Promise<T>,
): Promise<T> {
  const growing = setInterval(() => {
    for (const sandbox of world.sandboxes.values()) sandbox.append([{}, {}]);
  }, 300);
  const stopGrowing = (): void => clearInterval(growing);
  try {
    return await attack(stopGrowing);
  } finally {
    stopGrowing();
    await world.dispose();
  }
}
