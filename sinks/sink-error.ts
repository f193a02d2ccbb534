import { ExporterError } from '../src/errors.ts';

export interface SinkErrorOptions {
  /** Short stable name in snake_case, e.g. `destination_lost`, `bucket_missing`, `entry_refused`. */
  readonly code: string;
  /** True: try again later. False: only an operator can help, the delivery stops with this sentence. */
  readonly retryable: boolean;
  /** The sequence of the single entry that this sink can never take: it will be parked. */
  readonly poisonSequence?: number;
  readonly cause?: unknown;
}

/** What a sink rejects with: a sentence about what failed, where, and what to do. */
export class SinkError extends ExporterError {
  override readonly name = 'SinkError';
  readonly poisonSequence: number | undefined;

  constructor(message: string, options: SinkErrorOptions) {
    super(message, { kind: 'sink', code: options.code, retryable: options.retryable, cause: options.cause });
    this.poisonSequence = options.poisonSequence;
  }
}
