import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createFileSink } from '../../sinks/file.ts';
import { describeSinkContract, type SinkSetup } from '../contracts/sink-contract.ts';
import { archivedLines } from '../helpers/archive-read-back.ts';
import { plainEntries } from '../helpers/sink-entries.ts';

const { signal } = new AbortController();

describeSinkContract('file', {
  canLose: true,
  async create(): Promise<SinkSetup> {
    const parent = await mkdtemp(join(await realpath(tmpdir()), 'file-sink-'));
    const directory = join(parent, 'archive');
    return {
      sink: createFileSink({ name: 'disk', directory }),
      restart: () => Promise.resolve(createFileSink({ name: 'disk', directory })),
      readBack: async (organization) =>
        existsSync(directory) ? archivedLines(await files(directory), organization) : [],
      loseIt: () => rm(directory, { recursive: true }),
      dispose: () => rm(parent, { recursive: true, force: true }),
    };
  },
});

describe('the file sink', () => {
  test('rolls as configured, and by the documented defaults', () => {
    const directory = join(tmpdir(), 'never-made');
    expect(createFileSink({ name: 'disk', directory }).capabilities).toEqual({
      roll: { entries: 50_000, bytes: 16 * 1024 * 1024, ageMs: 15 * 60_000, byDay: true },
      repeats: 'absorbed',
    });
    const roll = { entries: 10, bytes: undefined, ageMs: 1000 };
    expect(createFileSink({ name: 'disk', directory, roll }).capabilities.roll).toEqual({
      entries: 10,
      bytes: 16 * 1024 * 1024,
      ageMs: 1000,
      byDay: true,
    });
  });

  test('leaves files that zcat reads', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'file-sink-'));
    try {
      const sink = createFileSink({ name: 'disk', directory });
      await sink.open({ signal });
      const entries = plainEntries(1, 3);
      const receipt = await sink.write({ organization: 'acme', entries }, { signal });
      await sink.close();
      expect(receipt?.key).toBe('organization=acme/entries/date=2026-03-01/000000000001.jsonl.gz');
      const text = execFileSync('gzip', ['-dc', join(directory, receipt?.key ?? '')], { encoding: 'utf8' });
      expect(text).toBe(`${entries.map((entry) => entry.raw.toString()).join('\n')}\n`);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

async function files(directory: string): Promise<[string, Buffer][]> {
  const found: [string, Buffer][] = [];
  for (const child of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(child.parentPath, child.name);
    if (child.isFile()) found.push([path, await readFile(path)]);
  }
  return found;
}
