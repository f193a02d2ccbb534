/** What the main thread and the worker that runs PGlite say to each other. Everything is cloned or moved, never shared. */
export interface EngineResult {
  readonly columns: readonly string[];
  /** The type identifier of each column. */
  readonly types: readonly number[];
  /** PostgreSQL's own text. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** First word of the command tag. */
  readonly command: string;
  readonly rowCount: number;
}

/** PostgreSQL refused the statement. */
export interface EngineFailure {
  readonly sqlState: string;
  readonly message: string;
}

export type EngineRequest =
  | {
      readonly id: number;
      readonly kind: 'execute';
      readonly sql: string;
      readonly parameters: readonly (string | Uint8Array | null)[];
    }
  | { readonly id: number; readonly kind: 'copy'; readonly sql: string; readonly data: Uint8Array }
  | { readonly id: number; readonly kind: 'close' };

export type EngineReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly result: EngineResult | EngineFailure }
  | { readonly kind: 'closed'; readonly id: number }
  /** The engine can't go on; the worker ends after saying so. */
  | { readonly kind: 'broken'; readonly message: string };
