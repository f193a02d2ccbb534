/**
 * The image without an engine. The steps of the Dockerfile run as they stand in an empty folder; what they make is run in
 * a mount namespace of its own: the root is read-only, the user is the image's, and only /data and /tmp can be written.
 * The base image's part is played by this machine's /usr and /etc and the Node that runs the test.
 */
import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  allOf,
  environmentOf,
  execForm,
  onlyOf,
  parseCopy,
  parseDockerfile,
  type Stage,
} from '../helpers/dockerfile.ts';

export interface BuiltImage {
  /** The final stage of the Dockerfile. */
  readonly stage: Stage;
  /** What the container sees as `/`, and as `/data`. */
  readonly root: string;
  readonly data: string;
  /** Starts a command in a container of the image, with its environment and user. Default: ENTRYPOINT and CMD. */
  start(options?: StartOptions): ChildProcessWithoutNullStreams;
  remove(): Promise<void>;
}

export interface StartOptions {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const run = promisify(execFile);
const context = fileURLToPath(new URL('../../', import.meta.url));

export async function buildImage(): Promise<BuiltImage> {
  const scratch = await mkdtemp(join(tmpdir(), 'image-'));
  const [build, final] = parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8'));
  if (build === undefined || final === undefined) throw new Error('the Dockerfile has two stages');
  const folder = join(scratch, 'build');
  const root = join(scratch, 'root');
  await runBuildStage(build, folder);
  for (const name of ['app', 'usr', 'etc', 'proc', 'dev', 'tmp', 'node']) {
    await mkdir(join(root, name), { recursive: true });
  }
  for (const text of allOf(final, 'RUN')) {
    await run('sh', ['-ec', text.replaceAll(' /data', ` ${join(root, 'data')}`)]);
  }
  for (const { from, sources, target } of allOf(final, 'COPY').map(parseCopy)) {
    for (const source of sources) {
      const path = from === undefined ? join(context, source) : join(folder, source.replace('/build/', ''));
      await cp(path, join(root, target), { recursive: true, verbatimSymlinks: true });
    }
  }
  await run('chmod', ['-R', 'a+rX', scratch]);
  await run('chmod', ['0700', join(root, 'data')]);
  return {
    stage: final,
    root,
    data: join(root, 'data'),
    start: (options = {}) => start(final, root, options),
    remove: () => rm(scratch, { recursive: true, force: true }),
  };
}

async function runBuildStage(stage: Stage, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { keyword, text } of stage.instructions) {
    if (keyword === 'COPY') {
      const { sources, target } = parseCopy(text);
      for (const source of sources) {
        const into = target.endsWith('/') ? join(folder, target, basename(source)) : join(folder, target);
        await cp(join(context, source), into, { recursive: true });
      }
    } else if (keyword === 'RUN') {
      await run('sh', ['-ec', text], { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
    } else if (keyword !== 'WORKDIR') {
      throw new Error(`${keyword} in the build stage is not understood`);
    }
  }
}

/** Everything is exec'd, so that signals reach the program as they do in a container. */
const container = `
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
for folder in usr etc proc dev; do mount --rbind "/$folder" "$ROOT/$folder"; done
mount --bind "$NODE" "$ROOT/node"
for folder in usr etc node; do mount -o remount,bind,ro "$ROOT/$folder"; done
for link in bin lib lib64; do if [ -e "/$link" ] && [ ! -e "$ROOT/$link" ]; then ln -s "usr/$link" "$ROOT/$link"; fi; done
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount --bind "$ROOT/data" "$ROOT/data"
mount -o remount,bind,ro "$ROOT"
exec chroot --userspec="$USERSPEC" "$ROOT" env -i --chdir="$FOLDER" PATH=/node:/usr/bin "$@"
`;

function start(stage: Stage, root: string, options: StartOptions): ChildProcessWithoutNullStreams {
  const entrypoint = options.entrypoint ?? execForm(onlyOf(stage, 'ENTRYPOINT'));
  const command = options.command ?? execForm(onlyOf(stage, 'CMD'));
  const variables = Object.entries({ ...environmentOf(stage), ...options.env });
  const words = [...variables.map(([name, value]) => `${name}=${value}`), ...entrypoint, ...command];
  const child = spawn('unshare', ['--mount', '--', 'sh', '-ec', container, 'sh', ...words], {
    env: {
      PATH: process.env['PATH'] ?? '',
      ROOT: root,
      NODE: dirname(process.execPath),
      USERSPEC: onlyOf(stage, 'USER'),
      FOLDER: onlyOf(stage, 'WORKDIR'),
    },
  });
  child.stdin.end();
  return child;
}
