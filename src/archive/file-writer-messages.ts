/** What the main thread and the thread that writes files say to each other. */
import type { DurableFile, FileOutcome } from './durable-files.ts';

/** Memory that both see: what is copied from thread to thread is let go late. Bytes of requests stand at its beginning. */
export interface FileWriterData {
  readonly root: string;
  readonly room: SharedArrayBuffer;
}

export type FileRequest =
  | { readonly kind: 'directory'; readonly path: string }
  /** Of a file that is larger than the room: bytes before those that come with `file`. */
  | { readonly kind: 'part'; readonly incomplete: string; readonly bytes: number }
  | ({ readonly kind: 'file'; readonly bytes: number } & DurableFile);

/** To each request, one after another. */
export type FileReply = { readonly outcome: FileOutcome | undefined } | { readonly failure: FileFailure };

/** What Node says of a call that failed; an error itself would lose these on the way between threads. */
export interface FileFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
}
