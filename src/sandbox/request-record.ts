/** A request as the sandbox saw it, for tests that count or look at them. Neither bodies nor keys are kept. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** 0 where the connection was cut or left open without an answer. */
  readonly status: number;
  /** The sandbox's time, in milliseconds. */
  readonly at: number;
}

const recordsMax = 10_000;

/** The last requests, oldest first, and how many there ever were. */
export class RequestLog {
  readonly #records: RequestRecord[] = [];
  readonly #byStatus: Record<string, number> = {};
  #total = 0;

  add(record: RequestRecord): void {
    if (this.#records.length >= recordsMax) this.#records.shift();
    this.#records.push(record);
    this.#byStatus[record.status] = (this.#byStatus[record.status] ?? 0) + 1;
    this.#total += 1;
  }

  get records(): readonly RequestRecord[] {
    return [...this.#records];
  }

  get total(): number {
    return this.#total;
  }

  get byStatus(): Readonly<Record<string, number>> {
    return { ...this.#byStatus };
  }
}
