import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startSandbox } from '../../src/sandbox/index.ts';
import { startProgram } from '../cli/run-program.ts';
import {
  allOf,
  environmentOf,
  execForm,
  healthcheckOf,
  onlyOf,
  parseCopy,
  parseDockerfile,
  type Stage,
} from '../helpers/dockerfile.ts';

const root = new URL('../../', import.meta.url);
const content = await readFile(new URL('Dockerfile', root), 'utf8');
const [build, final] = parseDockerfile(content) as [Stage, Stage];

describe('the Dockerfile', () => {
  test('builds on one base image, pinned by its minor version and of a Node that package.json allows', () => {
    expect(final.image).toBe(build.image);
    expect(final.image).toMatch(/^node:(20|22|24)\.\d+-\w+-slim$/);
  });

  test('copies only what exists and what .dockerignore lets through', async () => {
    const allowed = (await lines('.dockerignore')).filter((line) => line.startsWith('!'));
    const sources = [build, final]
      .flatMap((stage) => allOf(stage, 'COPY').map(parseCopy))
      .filter(({ from }) => from === undefined)
      .flatMap((copy) => copy.sources);
    expect(sources).toContain('package-lock.json');
    for (const source of sources) {
      const path = source.replace(/^\.\//, '');
      await access(new URL(path, root));
      expect(allowed.some((line) => line === `!${path}` || line.startsWith(`!${path}/`))).toBe(true);
    }
  });

  test('keeps everything out of the build that it does not name', async () => {
    const [first, ...rest] = await lines('.dockerignore');
    expect(first).toBe('*');
    expect(rest.every((line) => line.startsWith('!'))).toBe(true);
  });

  test('copies the whole of what the compiler is told to compile', async () => {
    const settings = JSON.parse(await readFile(new URL('tsconfig.build.json', root), 'utf8')) as {
      include: string[];
    };
    const copied = allOf(build, 'COPY').flatMap((text) => parseCopy(text).sources);
    for (const folder of settings.include) expect(copied).toContain(folder);
  });

  test('takes from the build what the entry point needs, and ends with a program that the package has', async () => {
    const copies = allOf(final, 'COPY').map(parseCopy);
    expect(copies.filter(({ from }) => from === 'build').map(({ target }) => target)).toEqual([
      '/app/package.json',
      '/app/node_modules',
      '/app/dist',
    ]);
    const [node, young, program, ...rest] = execForm(onlyOf(final, 'ENTRYPOINT'));
    expect([node, young, rest]).toEqual(['node', '--max-semi-space-size=4', []]);
    await access(new URL(program?.replace('/app/', '') ?? '', root));
    const { bin } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
      bin: Record<string, string>;
    };
    expect(program).toBe(`/app/${bin['ccloud-audit']}`);
    expect(execForm(onlyOf(final, 'CMD'))).toEqual(['run']);
  });

  test('runs as a user that Kubernetes can see is not root, and gives it one folder to write in', () => {
    expect(onlyOf(final, 'USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const owner = onlyOf(final, 'USER').split(':', 1)[0];
    expect(allOf(final, 'RUN')).toEqual([expect.stringContaining(`-o ${owner}`)]);
    expect(onlyOf(final, 'WORKDIR')).toBe('/data');
    expect(content).not.toContain('--chown');
  });

  test('holds no secret and fetches nothing but packages', () => {
    expect(content).not.toMatch(/api_?key|password|token|CCDB1_/i);
    expect(content).not.toMatch(/\b(curl|wget|apt-get|ADD)\b/);
    expect(environmentOf(final)).toEqual({
      NODE_ENV: 'production',
      CCLOUD_AUDIT_SERVER_HOST: '0.0.0.0',
      MALLOC_ARENA_MAX: '1',
    });
  });

  test('has the version of the package, as the other files have that name an image', async () => {
    const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
      version: string;
    };
    expect(content).toContain(`ARG VERSION=${version}\n`);
    for (const file of ['docker-compose.yml', 'config/deploy/kubernetes.yaml']) {
      const named = (await readFile(new URL(file, root), 'utf8')).match(/ccloud-audit-export:[\w.]+/g);
      expect(named).toEqual([`ccloud-audit-export:${version}`]);
    }
  });

  test('installs from the lockfile without install scripts, and leaves the development tools behind', () => {
    const steps = allOf(build, 'RUN');
    expect(steps[0]).toBe('npm ci --ignore-scripts');
    expect(steps.at(-1)).toBe('npm prune --omit=dev --ignore-scripts');
  });
});

describe('the health check of the image', () => {
  const releases: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const release of releases.splice(0).toReversed()) await release();
  });

  test('passes while `run` serves, and fails when nothing does', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'healthcheck-'));
    releases.push(() => rm(directory, { recursive: true }));
    const sandbox = await startSandbox({ entries: 5 });
    releases.push(() => sandbox.close());
    const child = startProgram(['run'], {
      cwd: directory,
      env: {
        ...environmentOf(final),
        COCKROACH_SERVER: sandbox.url,
        COCKROACH_API_KEY: sandbox.apiKey,
        CCLOUD_AUDIT_SERVER_PORT: '0',
      },
    });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    child.stdout.resume();
    const ended = once(child, 'exit');
    releases.push(async () => {
      child.kill('SIGTERM');
      await ended;
    });
    const port = await vi.waitFor(
      () => {
        const [, found] = /"port":(\d+)/.exec(log) ?? [];
        if (found === undefined) throw new Error(`not serving yet: ${log}`);
        return found;
      },
      { timeout: 30_000 },
    );
    expect(await healthcheck(port)).toBe(0);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(await healthcheck(port)).toBe(1);
  });
});

async function healthcheck(port: string): Promise<number> {
  const [, ...words] = healthcheckOf(final);
  const child = spawn(process.execPath, words, { env: { CCLOUD_AUDIT_SERVER_PORT: port } });
  const [exitCode] = (await once(child, 'exit')) as [number];
  return exitCode;
}

async function lines(file: string): Promise<string[]> {
  const text = await readFile(fileURLToPath(new URL(file, root)), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}
