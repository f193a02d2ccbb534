/**
 * `npm run torture -- --minutes 10 --seed 7`: attacks the built program as long as one likes, and tells what broke.
 *
 *     --minutes N   how long (default 5); with --rounds at most so long
 *     --seed S      the same choices again (default 1)
 *     --only NAME   one attack of those that --list names; may be repeated
 *     --rounds N    each kill point so often, or so many worlds of the others, and then the end
 *     --point NAME  kill points of this step alone, or of a step and a sink (`offset-moved disk`)
 *     --lanes N     how many worlds at once (default 6)
 *     --result FILE what was counted and found, as JSON
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { createRandom, hashText, mix } from '../../src/sandbox/random.ts';
import { createDatabaseOn } from '../helpers/postgres-databases.ts';
import { startPostgresServer } from '../helpers/postgres-server.ts';
import { attacks } from './attacks.ts';
import type { Attack } from './harness/attack.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    point: { type: 'string' },
    lanes: { type: 'string', default: '6' },
    result: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

interface Outcome {
  readonly attack: string;
  readonly seed: number;
  readonly seconds: number;
  readonly counts: Record<string, number>;
  readonly findings: string[];
  /** Milliseconds. */
  readonly times: Record<string, number[]>;
}

function chosenAttacks(): readonly Attack[] {
  const { only } = values;
  if (only === undefined) return attacks;
  return only.map((name) => {
    const attack = attacks.find((known) => known.name === name);
    if (attack === undefined) throw new Error(`There is no attack "${name}". --list names them.`);
    return attack;
  });
}

function wholeNumber(text: string, option: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${option} takes a whole number above 0, not "${text}".`);
}

async function torture(): Promise<readonly Outcome[]> {
  const chosen = chosenAttacks();
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not "${values.minutes}".`);
  const seed = wholeNumber(values.seed, 'seed');
  const rounds = values.rounds === undefined ? undefined : wholeNumber(values.rounds, 'rounds');
  const lanes = wholeNumber(values.lanes, 'lanes');
  const stopped = new AbortController();
  process.once('SIGINT', () => stopped.abort());
  const server = await startPostgresServer({ settings: ['max_connections=300'] });
  const outcomes: Outcome[] = [];
  try {
    const end = performance.now() + minutes * 60_000;
    for (const [index, attack] of chosen.entries()) {
      // What one leaves of its time is for the others.
      const shareMs = Math.max(1, (end - performance.now()) / (chosen.length - index));
      const share = AbortSignal.timeout(Math.ceil(shareMs));
      const signal = AbortSignal.any([stopped.signal, share]);
      const started = performance.now();
      const outcome = {
        counts: {} as Record<string, number>,
        findings: [] as string[],
        times: {} as Record<string, number[]>,
      };
      const progress = setInterval(() => tell(attack, outcome, started), 30_000);
      await attack.run({
        random: createRandom(mix(seed, hashText(attack.name))),
        createDatabase: () => createDatabaseOn(server.url),
        signal,
        rounds,
        point: values.point,
        lanes,
        count: (what) => (outcome.counts[what] = (outcome.counts[what] ?? 0) + 1),
        measure: (what, milliseconds) => (outcome.times[what] ??= []).push(Math.round(milliseconds)),
        find: (sentence) => {
          outcome.findings.push(sentence);
          print(`FOUND: ${sentence}`);
        },
      });
      clearInterval(progress);
      if (rounds !== undefined && signal.aborted)
        outcome.findings.push('time was up before all rounds were made');
      const seconds = Math.round((performance.now() - started) / 1000);
      outcomes.push({ attack: attack.name, seed, seconds, ...outcome });
    }
  } finally {
    await server.stop('immediate');
  }
  return outcomes;
}

function tell(
  attack: Attack,
  outcome: { readonly counts: Record<string, number>; readonly findings: readonly string[] },
  started: number,
): void {
  const total = Object.values(outcome.counts).reduce((sum, count) => sum + count, 0);
  const seconds = Math.round((performance.now() - started) / 1000);
  print(`${attack.name}: ${total} in ${seconds} s, ${outcome.findings.length} findings`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function spread(milliseconds: readonly number[]): string {
  const sorted = milliseconds.toSorted((one, other) => one - other);
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
  return `${sorted.length} times, ${at(0)} / ${at(0.5)} / ${at(1)} ms (least, median, most)`;
}

if (values.list) {
  for (const { name, title } of attacks) print(`${name}: ${title}`);
} else {
  const outcomes = await torture();
  const table = new Table({ head: ['attack', 'what', 'times'], style: { head: [], border: [] } });
  for (const { attack, counts } of outcomes) {
    for (const [what, times] of Object.entries(counts)) table.push([attack, what, times]);
  }
  print(table.toString());
  for (const { attack, seed, seconds, findings, times } of outcomes) {
    print(`${attack}: ${findings.length} findings in ${seconds} s`);
    for (const [what, all] of Object.entries(times)) print(`  ${what}: ${spread(all)}`);
    for (const finding of findings) print(`  ${finding}`);
    if (findings.length > 0) print(`  again: npm run torture -- --only ${attack} --seed ${seed}`);
  }
  if (values.result !== undefined) await writeFile(values.result, `${JSON.stringify(outcomes, null, 2)}\n`);
  process.exitCode = outcomes.some(({ findings }) => findings.length > 0) ? 1 : 0;
}
