/** What the main thread and the thread that writes files say to each other. */
import type { DurableFile, FileOutcome } from './durable-files.ts';

export type FileRequest =
  /** Where the bytes of the files that follow stand, from its beginning. */
  | { readonly kind: 'room'; readonly room: SharedArrayBuffer }
  | { readonly kind: 'directory'; readonly path: string }
  | ({ readonly kind: 'file'; readonly bytes: number } & DurableFile);

/** To each request but `room`, one after another. */
export type FileReply = { readonly outcome: FileOutcome } | { readonly failure: FileFailure };

/** What Node says of a call that failed; an error itself would lose these on the way between threads. */
export interface FileFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
}
