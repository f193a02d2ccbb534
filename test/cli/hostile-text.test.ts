/** Commands on a terminal, over a ledger and a server whose every text tries to take that terminal over. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandInput } from '../../src/cli/command-input.ts';
import type { CommandModule } from '../../src/cli/command.ts';
import type { OutputFormat } from '../../src/cli/context.ts';
import { append } from '../../src/ledger/append.ts';
import { registerDelivery } from '../../src/ledger/deliveries.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import {
  createTestLedger,
  readLease,
  rawEntry,
  testDay,
  testSchema,
  type TestLedger,
} from '../helpers/test-ledger.ts';
import { fakeTerminal } from './terminal.ts';

/** Clears, retitles, moves, colours, reverses and hides; C1 and the direction marks need no escape in JSON. */
const attack =
  '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eevil\u200b\u2066\rgone\u0008\u007f\u001bP+q\u001b\\';
const id = `id${attack}`;
const rawText = JSON.stringify({
  id,
  created_at: '2026-03-01T00:00:00Z',
  action: attack,
  source: attack,
  user_email: attack,
  cluster_name: attack,
  error: attack,
  payload: { [attack]: attack },
  metadata: { ip_address: attack },
});
/** What a terminal obeys, but for the colours, that the program itself sends. */
const obeyed = /(?!\n)[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

let ledger: TestLedger;
let sandbox: Sandbox;
let folder: string;

beforeAll(async () => {
  ledger = await createTestLedger();
  sandbox = await startSandbox({ entries: 3 });
  sandbox.append([{ raw: rawText }]);
  const lease = await readLease(ledger.ledger, ledger.organization);
  const entries = [rawEntry(rawText, { id, createdAt: testDay })];
  await append(ledger.ledger, lease, { entries, move: { kind: 'none' } });
  const changed = [rawEntry(rawText.replace('evil', 'edited'), { id, createdAt: testDay })];
  await append(ledger.ledger, lease, { entries: changed, move: { kind: 'none' } });
  await lease.release();
  const organization = ledger.organization.id;
  const place = { organization, sink: 'warehouse', type: 'postgres' };
  await registerDelivery(ledger.ledger, { ...place, fingerprint: `place ${attack}`, from: 'beginning' });
  const quoted = `U&'${attack.replaceAll(/[^ -&(-[\]-~]/gu, codePoint)}'`;
  await ledger.rows(`INSERT INTO ledger.parked_entries (organization, sink, sequence, code, reason)
    VALUES (${organization}, 'warehouse', 1, 'entry_refused', ${quoted})`);
  await ledger.rows(
    `UPDATE ledger.deliveries SET failing_since = now(), failure_code = 'x', failure = ${quoted}`,
  );
  await ledger.rows(
    `UPDATE ledger.organizations SET failing_since = now(), failure_code = 'x', failure = ${quoted}, label = ${quoted}`,
  );
  folder = await mkdtemp(join(tmpdir(), 'hostile-text-'));
  await writeFile(
    join(folder, 'config.yaml'),
    JSON.stringify({
      api: { url: sandbox.url },
      organizations: [{ name: 'acme', apiKey: sandbox.apiKey }],
      store: { url: ledger.url, schema: testSchema },
      sinks: [{ name: 'warehouse', type: 'postgres', url: ledger.url }],
      server: 'off',
    }),
  );
});

afterAll(async () => {
  await sandbox.close();
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
});

function codePoint(letter: string): string {
  return `\\${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const commands: readonly (readonly [
  name: string,
  load: () => Promise<CommandModule>,
  words: Readonly<Record<string, string>>,
])[] = [
  ['audit list', () => import('../../src/cli/commands/audit-list.ts'), {}],
  ['entry show', () => import('../../src/cli/commands/entry-show.ts'), { id }],
  ['query', () => import('../../src/cli/commands/query.ts'), { sql: 'SELECT raw, id FROM changes' }],
  ['query of parked', () => import('../../src/cli/commands/query.ts'), { sql: 'SELECT * FROM parked' }],
  [
    'query of journal',
    () => import('../../src/cli/commands/query.ts'),
    { sql: 'SELECT what, detail FROM journal' },
  ],
  ['parked list', () => import('../../src/cli/commands/parked-list.ts'), {}],
  ['status', () => import('../../src/cli/commands/status.ts'), {}],
  ['offset list', () => import('../../src/cli/commands/offset-list.ts'), {}],
  ['checkpoint list', () => import('../../src/cli/commands/checkpoint-list.ts'), {}],
];

const formats: readonly OutputFormat[] = ['table', 'json'];

async function shown(
  load: () => Promise<CommandModule>,
  words: Readonly<Record<string, string>>,
  output: OutputFormat,
): Promise<string> {
  const { context, out, err } = fakeTerminal({
    isTTY: true,
    output,
    env: { CCLOUD_AUDIT_CONFIG: join(folder, 'config.yaml') },
  });
  const { run } = await load();
  await run(context, commandInput(new Map(Object.entries(words)), {}));
  expect(out()).not.toBe('');
  return `${out()}${err()}`;
}

describe('on a terminal nothing is obeyed that an entry, a server or a failure says', () => {
  it.each(
    commands.flatMap(([name, load, words]) => formats.map((format) => [name, format, load, words] as const)),
  )('by %s as %s', async (_, format, load, words) => {
    const text = await shown(load, words, format);
    // Bold headings, colours and their ends are the program's own.
    expect(text.replaceAll(/\p{Cc}\[\d{1,2}m/gu, '')).not.toMatch(obeyed);
  });

  it('and the texts are there, to be read', async () => {
    const text = await shown(() => import('../../src/cli/commands/audit-list.ts'), {}, 'table');
    expect(text).toContain(String.raw`\u001b[2J\u001b]0;owned\u0007`);
  });
});
