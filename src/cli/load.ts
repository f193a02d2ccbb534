import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import type { Logger } from '../logger.ts';
import { createLogger } from '../stderr-logger.ts';
import type { CliContext } from './context.ts';

export interface LoadNeeds {
  /** Default true. False for commands that only look at the store or an archive. */
  readonly needsKey?: boolean;
}

/** The configuration that this command line, environment and file make. */
export function load(context: CliContext, needs: LoadNeeds = {}): Promise<LoadedConfig> {
  return loadConfig({
    path: context.configPath,
    env: context.env,
    flags: { logLevel: context.logLevel },
    ...needs,
  });
}

/** The logger that the configuration asks for, on this context's stderr. */
export function loggerOf(context: CliContext, { config }: LoadedConfig): Logger {
  return createLogger({ ...config.log, destination: context.stderr, color: context.color.stderr });
}
