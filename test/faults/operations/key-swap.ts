/** The key is another organization's for a while: nothing of that one gets anywhere, and the right key goes on. */
import { setTimeout as delay } from 'node:timers/promises';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { leaksIn } from '../../helpers/planted-secrets.ts';
import type { AttackContext } from '../harness/attack.ts';
import { checkPositions } from '../harness/check-positions.ts';
import { checkWorld } from '../harness/check-world.ts';
import { withDatabase } from '../harness/held.ts';
import { createWorld, type Configuration, type HowToRun, type World } from '../harness/world.ts';
import { withDaemon } from '../outages/daemon.ts';
import { isHeld, readStatus, until, whileGrowing } from '../outages/watching.ts';
import { endEitherWay, endsAs, soonRolled, type Operation } from './operation.ts';

/** A refusal is asked about again after a minute. */
const recoveryMaxMs = 150_000;
const swaps = 2;

interface Place {
  /** With acme alone. */
  readonly world: World;
  readonly right: string;
  readonly wrong: string;
  readonly stopGrowing: () => void;
}

export const keyFileSwap: Operation = {
  name: 'a key file swapped for another organization’s while running',
  run: (context, { seed, random }) =>
    betweenTwo(context, seed, async ({ world, right, wrong, stopGrowing }) => {
      const file = join(dirname(world.archive), 'acme.key');
      await writeFile(file, right, { mode: 0o600 });
      world.adapt = knowing({ apiKeyFile: file });
      return await withDaemon(world, async (daemon) => {
        const findings: string[] = [];
        await daemon.start();
        await until('every sink holds the beginning', () => isHeld(world, 60));
        for (let swap = 0; swap < swaps; swap += 1) {
          await delay(random.integer(1500));
          await writeFile(file, wrong);
          await until('the store tells of the swap', () => isMismatchTold(world));
          context.count('swapped');
          if (random.integer(2) === 0) {
            await endEitherWay(daemon, random);
            await daemon.start();
            context.count('started with the wrong key');
          }
          findings.push(...(await toldFindings(world, wrong)), ...(await daemon.pageFindings()));
          await writeFile(file, right);
          const head = world.sandbox.truth().length;
          await until('reading goes on with the right key', () => isHeld(world, head), recoveryMaxMs);
        }
        stopGrowing();
        await daemon.stop();
        return [...findings, ...(await checkEnd(world))];
      });
    }),
};

export const environmentKeySwap: Operation = {
  name: 'a key in the environment that is another organization’s at a restart',
  run: (context, { seed, random }) =>
    betweenTwo(context, seed, async ({ world, right, wrong, stopGrowing }) => {
      world.adapt = knowing({ apiKey: '${ACME_KEY}' });
      const rightly = { env: { ACME_KEY: right } };
      const wrongly = { env: { ACME_KEY: wrong } };
      return await withDaemon(world, async (daemon) => {
        await daemon.start(rightly);
        await until('every sink holds the beginning', () => isHeld(world, 60));
        await endEitherWay(daemon, random);
        const says = /The key of "acme" belongs to the organization .* Put the right key back/;
        const findings = await endsAs(world, ['run', '--once'], { exitCode: 3, says, how: wrongly });
        await daemon.start(wrongly);
        await until('the store tells of the swap', () => isMismatchTold(world));
        context.count('started with the wrong key');
        findings.push(...(await toldFindings(world, wrong, wrongly)), ...(await daemon.pageFindings()));
        await endEitherWay(daemon, random);
        await daemon.start(rightly);
        const head = world.sandbox.truth().length;
        await until('reading goes on with the right key', () => isHeld(world, head));
        stopGrowing();
        await daemon.stop();
        return [...findings, ...(await checkEnd(world, rightly))];
      });
    }),
};

function knowing(key: object): (plain: Configuration) => object {
  return (plain) => ({ ...soonRolled(plain), organizations: [{ name: 'acme', ...key }] });
}

/** Two organizations behind one address; the exporter knows of one. */
async function betweenTwo(
  context: AttackContext,
  seed: number,
  attack: (place: Place) => Promise<string[]>,
): Promise<string[]> {
  const both = await createWorld({
    seed,
    createDatabase: context.createDatabase,
    entries: 60,
    organizations: ['acme', 'bolt'],
  });
  const right = both.sandbox.apiKey;
  const wrong = both.sandboxes.get('bolt')?.apiKey ?? '';
  return await whileGrowing(both, (stopGrowing) => attack({ world: both, right, wrong, stopGrowing }));
}

async function isMismatchTold(world: World): Promise<boolean> {
  return await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ failure_code: string | null }>(
      `SELECT failure_code FROM ccloud_audit.organizations WHERE name = 'acme'`,
    );
    return rows[0]?.failure_code === 'organization_mismatch';
  });
}

async function toldFindings(world: World, wrong: string, how: HowToRun = {}): Promise<string[]> {
  await until('the store tells of the swap', () => isMismatchTold(world));
  const { exitCode, status } = await readStatus(world, how);
  const findings = await checkPositions(onlyAcme(world), { isAlive: true });
  if (exitCode !== 3) findings.push(`status ended with ${exitCode} instead of 3`);
  const acme = status.organizations.find(({ name }) => name === 'acme');
  const isTold = /belongs to the organization .* but the store holds the log of/.test(acme?.sentence ?? '');
  if (acme?.state === 'Running' || !isTold)
    findings.push(`status calls acme ${acme?.state}: ${acme?.sentence}`);
  if (leaksIn(JSON.stringify(status), [wrong]).length > 0) findings.push('status shows the key');
  return findings;
}

function onlyAcme(world: World): World {
  return { ...world, sandboxes: new Map([['acme', world.sandbox]]) };
}

async function checkEnd(world: World, how: HowToRun = {}): Promise<string[]> {
  const findings = await endsAs(world, ['run', '--once'], { exitCode: 0, how });
  const strangers = await withDatabase(world.storeUrl, async (database) => {
    const { rows } = await database.query<{ entries: string; head: string }>(
      `SELECT (SELECT count(*) FROM ccloud_audit.ledger_rows) AS entries, next_sequence - 1 AS head
        FROM ccloud_audit.organizations`,
    );
    return rows.length === 1 && Number(rows[0]?.entries) === world.sandbox.truth().length
      ? []
      : [`the ledger holds ${JSON.stringify(rows)}, the log ${world.sandbox.truth().length}`];
  });
  // The program's own verification asks for the configured organizations.
  world.adapt = knowing({ apiKey: world.sandbox.apiKey });
  return [
    ...findings,
    ...strangers,
    ...(await checkWorld(onlyAcme(world), { archives: true, hasSeveralPrinters: true })),
  ];
}
