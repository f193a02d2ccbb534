import { toError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { redactSecrets } from '../redact.ts';
import { createRecent } from './recent.ts';

/** Whether this process can do its work; a standby can, and so can one whose sink or source fails. */
export interface Readiness {
  readonly isReady: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

const pingMaxAgeMs = 1000;
const pingTimeoutMs = 2000;
const ping = 'SELECT name FROM ledger.properties LIMIT 1';

/**
 * Ready once the store is open, which includes its migrations, and for as long as it answers.
 * `ledger` gives undefined until then; the configuration was read before there was a server.
 */
export function createReadiness(ledger: () => Ledger | undefined): () => Promise<Readiness> {
  const askStore = createRecent(
    async () => {
      await ledger()?.database.query(ping);
    },
    { maxAgeMs: pingMaxAgeMs, timeoutMs: pingTimeoutMs },
  );
  return async () => {
    if (ledger() === undefined) return { isReady: false, reasons: ['The store is not open yet.'] };
    try {
      await askStore();
      return { isReady: true, reasons: [] };
    } catch (error) {
      return { isReady: false, reasons: [redactSecrets(toError(error).message)] };
    }
  };
}
