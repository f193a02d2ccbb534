import type { Lease } from '../ledger/leases.ts';
import type { Logger } from '../logger.ts';

/** Releases a lease at the end of its work; a store that fails now only makes the next process wait it out. */
export async function giveBack(lease: Lease, logger: Logger): Promise<void> {
  try {
    await lease.release();
  } catch (error) {
    logger.warn({ error }, 'lease not given back, it runs out by itself');
  }
}
