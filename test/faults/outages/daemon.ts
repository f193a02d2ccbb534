/** The one daemon of a world, which is stopped, killed and started again. */
import { pageFindings } from '../harness/pages.ts';
import type { HowToRun, StartedRun, World } from '../harness/world.ts';

const timeoutMs = 400_000;

export class Daemon {
  readonly #world: World;
  #run: StartedRun | undefined;
  #port: number | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Resolves when it says that it has started, or has ended. */
  async start(how: HowToRun = {}): Promise<void> {
    const run = await this.#world.start(['run'], { timeoutMs, ...how });
    this.#run = run;
    this.#port = undefined;
    let said = '';
    let hasStarted = false;
    const started = new Promise<void>((resolve) => {
      run.child.stderr?.on('data', (chunk: Buffer) => {
        if (hasStarted) return;
        said += chunk.toString('utf8');
        this.#port ??= portIn(said);
        hasStarted = said.includes('exporter started');
        if (hasStarted) resolve();
      });
    });
    await Promise.race([started, run.ended]);
  }

  /** What its pages tell that they should not. */
  async pageFindings(): Promise<string[]> {
    if (this.#port === undefined) throw new Error('the daemon did not say where it serves its pages');
    return await pageFindings(this.#port, this.#world.secrets);
  }

  /** SIGTERM; rejects where it does not end with 0. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    run.child.kill('SIGTERM');
    const { exitCode, signal, stderr } = await run.ended;
    if (exitCode !== 0)
      throw new Error(
        `a daemon that was told to stop ended with ${exitCode ?? signal}: ${stderr.slice(-600)}`,
      );
  }

  /** SIGKILL, where it still runs; resolves to the end of what it said. */
  async end(): Promise<string> {
    const run = this.#run;
    if (run === undefined) return '';
    this.#run = undefined;
    run.child.kill('SIGKILL');
    return (await run.ended).stderr.slice(-1200);
  }
}

function portIn(said: string): number | undefined {
  const [, port] = /"port":(\d+)[^\n]*metrics, health and status served/.exec(said) ?? [];
  return port === undefined ? undefined : Number(port);
}

/** Runs an attack on a world with a daemon, and leaves no daemon behind; what the daemon said last is told with a failure. */
export async function withDaemon<T>(world: World, attack: (daemon: Daemon) => Promise<T>): Promise<T> {
  const daemon = new Daemon(world);
  try {
    return await attack(daemon);
  } catch (error) {
    throw new Error(`${String(error)}; the daemon said: ${await daemon.end()}`, { cause: error });
  } finally {
    await daemon.end();
  }
}
