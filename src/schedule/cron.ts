/**
 * The clock of the schedule. node-cron's `stop()` does not wait for a callback that runs, so nothing runs in its
 * callbacks but the tick itself: whoever is told owns what it starts.
 */
import { createTask, validateDetailed } from 'node-cron';
import type { Logger } from '../logger.ts';

export interface CronClock {
  /** No tick comes after this. Idempotent. */
  stop(): void;
}

/** What is wrong with a cron expression of five fields, or six with seconds in front; undefined when it is right. */
export function validateCron(expression: string): string | undefined {
  const count = expression.trim().split(/\s+/).length;
  if (count !== 5 && count !== 6) {
    return `it has ${count} field${count === 1 ? '' : 's'} where cron has five, or six with seconds in front`;
  }
  const { valid, errors } = validateDetailed(expression);
  if (valid) return undefined;
  return errors
    .map((error) => `${error.value ?? expression} is not a possible ${fieldName(error.field)}`)
    .join(', ');
}

/** Ticks in UTC until stopped. `onTick` must not throw; it is told and not waited for. */
export function startCron(expression: string, onTick: () => void, logger: Logger): CronClock {
  const task = createTask(expression, onTick, {
    timezone: 'Etc/UTC',
    noOverlap: false,
    maxRandomDelay: 0,
    // A tick that comes late because the process was paused is not worth a warning: the next one does the work.
    suppressMissedWarning: true,
    logger: {
      info: (message) => logger.debug({ detail: message }, 'cron'),
      debug: (message) => logger.debug({ detail: String(message) }, 'cron'),
      warn: (message) => logger.warn({ detail: message }, 'cron'),
      error: (message, error) => logger.error({ detail: String(message), error }, 'cron'),
    },
  });
  void task.start();
  return {
    stop() {
      void task.destroy();
    },
  };
}

function fieldName(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
