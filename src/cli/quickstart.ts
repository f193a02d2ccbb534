/**
 * `npm run quickstart`: the real commands, run for a newcomer. A sandbox stands in for the Cloud API; everything lands in
 * one folder that git ignores; nothing is left running.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const folder = '.quickstart';
const configFile = `${folder}/ccloud-audit.yaml`;
const table = 'audit.cockroach_cloud_entries';
const entries = '25000';
const program = fileURLToPath(new URL('./main.js', import.meta.url));

const byAction = `SELECT action, count(*) AS entries FROM ${table} GROUP BY action ORDER BY entries DESC, action LIMIT 8`;

/** What an operator has set for real must not reach the trial. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(COCKROACH|CCLOUD_AUDIT)_/.test(name)),
);

const children = new Set<ChildProcess>();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    for (const child of children) child.kill(name);
    process.exitCode = name === 'SIGINT' ? 130 : 143;
  });
}

process.exitCode = await quickstart();

async function quickstart(): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  say(
    `A sandbox plays the Cloud API here: its organization and its ${Number(entries).toLocaleString('en-US')} entries are made up.`,
  );
  const sandbox = await startSandbox();
  try {
    await writeFile(configFile, configuration(sandbox));
    const steps: readonly (readonly [string, readonly string[]])[] = [
      ['Exporting its audit log into an embedded PostgreSQL and into files', ['backfill']],
      ['Where everything stands', ['status']],
      ['What happened in the organization', ['query', byAction]],
    ];
    for (const [title, words] of steps) {
      say(`\n${title}\n$ npx ccloud-audit ${words.map(quoted).join(' ')} -c ${configFile}`);
      const exitCode = await ccloudAudit([...words, '--config', configFile]);
      if (exitCode !== 0) return exitCode;
    }
  } finally {
    await sandbox.stop();
  }
  say(
    [
      '\nThe sandbox has ended; what was exported stays. Look into it:',
      `  npx ccloud-audit query "SELECT created_at, action, user_email FROM ${table} ORDER BY sequence DESC LIMIT 5" -c ${configFile}`,
      `  npx ccloud-audit query "SELECT * FROM journal ORDER BY at" -c ${configFile}`,
      `  find ${folder}/archive -name '*.jsonl.gz' | sort | tail -n 1 | xargs zcat | sed -n 1p`,
    ].join('\n'),
  );
  return 0;
}

interface RunningSandbox {
  readonly url: string;
  readonly apiKey: string;
  stop(): Promise<void>;
}

async function startSandbox(): Promise<RunningSandbox> {
  const child = start(['sandbox', '--entries', entries, '--output', 'json', '--quiet'], 'pipe');
  const ended = once(child, 'exit');
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.trimEnd().endsWith('}')) break;
  }
  // Our own program's answer.
  const { url, apiKey } = JSON.parse(text) as { url: string; apiKey: string };
  return {
    url,
    apiKey,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function ccloudAudit(words: readonly string[]): Promise<number> {
  const child = start(words, 'inherit');
  await once(child, 'exit');
  return child.exitCode ?? 1;
}

function start(words: readonly string[], stdout: 'inherit' | 'pipe'): ChildProcess {
  const child = spawn(process.execPath, [program, ...words], {
    env: environment,
    stdio: ['ignore', stdout, 'inherit'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

function configuration(sandbox: RunningSandbox): string {
  return `# Written by the quickstart. The key opens nothing but a sandbox that has ended.
api:
  url: ${sandbox.url}
  requestsPerSecond: 100
organizations:
  - name: acme
    apiKey: ${sandbox.apiKey}
store:
  url: pglite:${folder}/store
sinks:
  - name: warehouse
    type: postgres
    table: ${table}
  - name: archive
    type: file
    directory: ${folder}/archive
log:
  level: warn
`;
}

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `"${word}"`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
