import type { AppendResult } from '../ledger/append.ts';
import type { Nanos } from '../time.ts';

/** What the reader tells whoever counts: metrics, a progress bar. Calls must not throw. */
export interface ReaderObserver {
  entriesRead(organization: string, entries: number): void;
  appended(organization: string, result: AppendResult): void;
  late(organization: string, late: { readonly entries: number; readonly lateBySeconds: number }): void;
  /** How far a stretch was read. */
  pastProgress(
    organization: string,
    progress: { readonly at: Nanos; readonly from: Nanos; readonly to: Nanos },
  ): void;
}

export const silentObserver: ReaderObserver = {
  entriesRead: () => undefined,
  appended: () => undefined,
  late: () => undefined,
  pastProgress: () => undefined,
};
